"""Sealing: an evaluated bundle gets the operating point that its evaluation speaks for, and its scores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from export.draft import draft_of
from vgf_robot.bundle import Bundle, Manifest, choose_operating_point, chosen_on, write_manifest
from vgf_robot.errors import BundleError

SCORE_KEYS = (
    "mode",
    "num_particles",
    "reference_steps",
    "max_steps",
    "step_size",
    "min_gain",
    "mean_steps",
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
    _require_own_task(evaluation, source.manifest, evaluation_path)
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
    settings, provenance = _settings(evaluation), source.manifest.provenance
    _require_own_task(evaluation, source.manifest, evaluation_path)
    if settings.get("bundle_sha256") != source.sha256:
        raise BundleError(
            f"{evaluation_path} is of another bundle: its bundle_sha256 is {settings.get('bundle_sha256')}, "
            f"expected {source.sha256}; evaluate the sealed bundle."
        )
    if not source.manifest.operating_point.sealed:
        raise BundleError(f"{source.folder} is not sealed; seal it first with `--cap-from`.")
    if chosen_on(provenance, settings["environment"], settings["seed"]):
        raise BundleError(
            f"{evaluation_path} used seed {settings.get('seed')}, on which the setting was chosen; "
            "evaluate with another `--seed`, or the score is that of the luckiest setting."
        )
    scores = {"settings": settings, "rows": _scores(evaluation)}
    manifest = msgspec.structs.replace(source.manifest, provenance={**provenance, "scores": scores})
    return _rewrite(source, manifest, out)


def _require_own_task(evaluation: Mapping[str, Any], manifest: Manifest, path: Path) -> None:
    """Refuse an evaluation of another task, or one in which a deadline and not the setting decided."""
    settings = _settings(evaluation)
    if settings.get("environment") != manifest.environment:
        raise BundleError(
            f"{path} is of {settings.get('environment')}, the bundle was made for {manifest.environment}; "
            "evaluate the bundle in its own environment."
        )
    if settings.get("clock") != "lock-step":
        raise BundleError(f"{path} ran with clock '{settings.get('clock')}', expected 'lock-step'; evaluate it so.")


def _rewrite(source: Bundle, manifest: Manifest, out: Path) -> Bundle:
    """Copy the bundle under another manifest."""
    with draft_of(out) as draft:
        for name in source.manifest.files:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / name, draft / name)
        write_manifest(draft, manifest)
    return Bundle.load(out)


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
