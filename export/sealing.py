"""Sealing: an evaluated bundle gets the operating point that its evaluation speaks for, and its scores."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from vgf_robot.bundle import Bundle, Manifest, Variant, write_manifest
from vgf_robot.bundle.choice import choose_operating_point
from vgf_robot.errors import BundleError, ExportError

SCORE_KEYS = (
    "mode",
    "num_particles",
    "reference_steps",
    "max_steps",
    "step_size",
    "selection",
    "episodes",
    "success_rate",
    "success_low",
    "success_high",
    "return_mean",
    "return_low",
    "return_high",
    "displacement_rms",
)
"""Scores are facts of the policy; latencies are facts of a machine and stay in the evaluation."""


def seal(source: Bundle, evaluation_path: Path, out: Path) -> Bundle:
    """Copy a bundle with the operating point that its evaluation speaks for.

    Args:
        source: The bundle that was evaluated.
        evaluation_path: What `vgf-robot eval BUNDLE --json` wrote.
        out: Where the sealed bundle goes.

    Raises:
        BundleError: The evaluation is of another bundle or cannot be compared.
        ExportError: The place is taken.
    """
    evaluation = _read(evaluation_path)
    point = choose_operating_point(evaluation, source.sha256, source.manifest.operating_point)
    selection_scores = {"settings": _settings(evaluation), "rows": _scores(evaluation)}
    manifest = msgspec.structs.replace(
        source.manifest,
        operating_point=point,
        provenance={**source.manifest.provenance, "selection": selection_scores},
    )
    return _rewrite(source, manifest, out)


def add_scores(source: Bundle, evaluation_path: Path, out: Path) -> Bundle:
    """Copy a sealed bundle with scores from other seeds than those it was chosen on.

    Raises:
        BundleError: The bundle is not sealed, or the evaluation is of another bundle or on the same seeds.
        ExportError: The place is taken.
    """
    evaluation = _read(evaluation_path)
    settings = _settings(evaluation)
    if settings.get("bundle_sha256") != source.sha256:
        raise BundleError(
            f"{evaluation_path} is of another bundle: its bundle_sha256 is {settings.get('bundle_sha256')}, "
            f"expected {source.sha256}; evaluate the sealed bundle."
        )
    chosen_on = source.manifest.provenance.get("selection")
    if not source.manifest.operating_point.sealed or not isinstance(chosen_on, Mapping):
        raise BundleError(f"{source.folder} is not sealed; seal it first with `--cap-from`.")
    if settings.get("seed") == chosen_on["settings"].get("seed"):
        raise BundleError(
            f"{evaluation_path} used seed {settings.get('seed')}, on which the setting was chosen; "
            "evaluate with another `--seed`, or the score is that of the luckiest setting."
        )
    scores = {"settings": settings, "rows": _scores(evaluation)}
    manifest = msgspec.structs.replace(source.manifest, provenance={**source.manifest.provenance, "scores": scores})
    return _rewrite(source, manifest, out)


def _rewrite(source: Bundle, manifest: Manifest, out: Path) -> Bundle:
    """Copy the graphs beside the final place, write the manifest, and only then put the folder there."""
    if out.exists():
        raise ExportError(f"{out} exists already; remove it, or name another folder with `--out`.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as draft_name:
        draft = Path(draft_name) / out.name
        draft.mkdir()
        for name in _needed(source, manifest.variants):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / name, draft / name)
        write_manifest(draft, manifest)
        shutil.move(draft, out)
    return Bundle.load(out)


def _needed(source: Bundle, variants: tuple[Variant, ...]) -> list[str]:
    """Return the files of the source that the variants need: everything but graphs of other variants."""
    graphs = {name for v in source.manifest.variants for name in (v.reference, v.step, v.select)}
    kept = {name for v in variants for name in (v.reference, v.step, v.select)}
    return [name for name in source.manifest.files if name not in graphs or name in kept]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path} is no evaluation ({error}); make one with `vgf-robot eval BUNDLE --json PATH`."
        ) from error
    if not isinstance(content, Mapping) or content.get("verb") != "eval":
        raise BundleError(f"{path} is no evaluation; make one with `vgf-robot eval BUNDLE --json PATH`.")
    return content


def _settings(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    settings = evaluation.get("settings")
    return dict(settings) if isinstance(settings, Mapping) else {}


def _scores(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in SCORE_KEYS if key in row} for row in evaluation.get("rows", [])]
