"""Which evaluations lie in the files and folders that were named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim.run_files import RunFiles, is_run
from sim.scores.policy import UNKNOWN, Evaluated, Policy
from vgf_robot.bundle import Bundle, chosen_on
from vgf_robot.errors import BundleError, ResultError

_AGAIN = "make one with `vgf-robot eval BUNDLE --json PATH`."


def read_sources(paths: Sequence[Path]) -> list[Evaluated]:
    """Return every evaluation of the sources, each once, in their order.

    A run gives the evaluations that `select` left in it, and stands there without a score where there are none; a
    bundle those of its manifest; a JSON file itself.

    Args:
        paths: Run folders, bundles, and files that `vgf-robot eval --json` wrote.

    Raises:
        ResultError: A source is missing, is none of these, or cannot stand in one table with the others.
        VgfError: A run or a bundle is damaged.
    """
    bundles = [Bundle.load(path) for path in paths if path.is_dir() and not is_run(path)]
    known = {bundle.sha256: Policy.of_manifest(bundle.manifest) for bundle in bundles}
    found: list[Evaluated] = []
    for path in paths:
        for evaluated in _read(path, known):
            if not any(evaluated.same_episodes(other) for other in found):
                found.append(evaluated)
    return found


def _read(path: Path, known: Mapping[str, Policy]) -> Iterable[Evaluated]:
    if path.is_file():
        return [_evaluation(path, known)]
    if not path.is_dir():
        raise ResultError(f"{path} does not exist; name run folders, bundles and evaluations, or {_AGAIN}")
    return _of_run(path, known) if is_run(path) else _of_bundle(Bundle.load(path), str(path))


def _of_run(path: Path, known: Mapping[str, Policy]) -> list[Evaluated]:
    """Return the evaluation of the chosen checkpoint and the reports; without a choice those of every checkpoint."""
    run, work = RunFiles.open(path), path / "selection"
    evaluations = sorted((work / "evaluations").glob("*.json"))
    decided = (work / "chosen.json").is_file()
    if decided:
        checkpoint = Path(_content(work / "chosen.json")["settings"]["bundle"]).name
        evaluations = [file for file in evaluations if file.stem == checkpoint]
    places = [work / "sealed", *(work / "bundles" / file.stem for file in evaluations)]
    bundles = [Bundle.load(place) for place in places if place.is_dir()]
    known = {**known, **{bundle.sha256: Policy.of_manifest(bundle.manifest) for bundle in bundles}}
    reports = [_evaluation(file, known) for file in sorted(work.glob("report-*.json"))]
    # Reports on a choice that was made before, of fewer checkpoints, are of a bundle that is no more.
    looked_at = [_evaluation(file, known) for file in evaluations]
    if decided:  # on these episodes
        looked_at = [replace(each, flattered=True) for each in looked_at]
    found = [*looked_at, *(report for report in reports if report.policy.method != UNKNOWN)]
    return found or [Evaluated(policy=Policy.of_run(run), source=str(path))]


def _of_bundle(bundle: Bundle, source: str) -> list[Evaluated]:
    """Return what the manifest keeps: the evaluation that chose the setting, and the scores on other episodes."""
    manifest = bundle.manifest
    policy, provenance = Policy.of_manifest(manifest), manifest.provenance
    found: list[Evaluated] = []
    for key in ("selection", "scores"):
        record = provenance.get(key)
        if isinstance(record, Mapping) and isinstance(record.get("settings"), Mapping) and record.get("rows"):
            found.append(_evaluated(policy, f"{source}, {key}", record, flattered=key == "selection"))
    return found or [Evaluated(policy=policy, source=source, bundle_sha256=bundle.sha256)]


def _evaluation(path: Path, known: Mapping[str, Policy]) -> Evaluated:
    content = _content(path)
    settings = content["settings"]
    if (clock := settings.get("clock")) != "lock-step":
        raise ResultError(
            f"{path} ran with clock '{clock}', expected 'lock-step': the table compares policies and no machines."
        )
    bundle = _bundle_of(settings)
    policy = known.get(settings.get("bundle_sha256")) if bundle is None else Policy.of_manifest(bundle.manifest)
    if policy is None:
        policy = Policy(task=str(settings.get("environment")), method=UNKNOWN, seed=None, updates=None)
    elif policy.task != settings.get("environment"):  # evaluated elsewhere than it was trained for
        policy = Policy(
            task=str(settings.get("environment")), method=policy.method, seed=policy.seed, updates=policy.updates
        )
    flattered = bundle is not None and chosen_on(bundle.manifest.provenance, policy.task, settings.get("seed"))
    return _evaluated(policy, str(path), content, flattered=flattered or bool(settings.get("chosen_on_these_episodes")))


def _evaluated(policy: Policy, source: str, record: Mapping[str, Any], *, flattered: bool) -> Evaluated:
    settings = record["settings"]
    point = settings.get("operating_point")
    among = settings.get("selected_among")
    # `select` keeps the other settings of the chosen checkpoint beside the chosen row.
    rows = among["settings"] if isinstance(among, Mapping) and among.get("settings") else record["rows"]
    return Evaluated(
        policy=policy,
        source=source,
        bundle_sha256=settings.get("bundle_sha256"),
        seed=settings.get("seed"),
        episodes=settings.get("episodes"),
        rows=rows,
        sealed=isinstance(point, Mapping) and bool(point.get("sealed")),
        flattered=flattered,
        interrupted=bool(settings.get("interrupted")),
    )


def _bundle_of(settings: Mapping[str, Any]) -> Bundle | None:
    """Return the bundle that was evaluated, where it still lies there and is the same one."""
    place = settings.get("bundle")
    if not isinstance(place, str):
        return None
    try:
        bundle = Bundle.load(place)
    except BundleError:
        return None
    return bundle if bundle.sha256 == settings.get("bundle_sha256") else None


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResultError(f"{path} is no evaluation ({error}); {_AGAIN}") from error
    verb = content.get("verb") if isinstance(content, dict) else None
    if verb != "eval":
        what = "" if verb is None else f" but a result of `{verb}`"
        raise ResultError(f"{path} is no evaluation{what}; {_AGAIN}")
    rows, settings = content.get("rows"), content.get("settings")
    if not isinstance(settings, dict) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ResultError(f"{path} is an evaluation without settings or rows; {_AGAIN}")
    return content
