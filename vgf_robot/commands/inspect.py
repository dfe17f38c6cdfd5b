"""`vgf-robot inspect`: what is in a bundle, in words, after everything in it was verified."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vgf_robot.bundle import Bundle, Field, Manifest, OperatingPoint
from vgf_robot.controller import Rung, fallback_rungs
from vgf_robot.receipts import ACCEPTED, FLOAT32, KEY, in_words
from vgf_robot.results import print_table, write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot inspect cube-single-play"

KINDS = {
    "absolute": "a position to be at",
    "delta": "a change of position",
    "velocity": "a velocity",
    "torque": "a torque",
}
RUNGS = {
    Rung.RESCORED: "the previous particles, scored again",
    Rung.HOLD: "the previous action",
    Rung.SAFE: "the safe action",
}
CHECK_COLUMNS = ("num_particles", "reference_steps", "quantity", "worst", "limit", "comparisons")
SCORE_COLUMNS = ("mode", "num_particles", "max_steps", "step_size", "episodes", "success_rate", "return_mean")

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `inspect`."""

    bundle: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BUNDLE")]
    """Folder of a bundle, or the name of a shipped one."""
    json: Path | None = None
    """Also write the facts to this file."""


def main(argv: Sequence[str]) -> int:
    """Verify a bundle, explain it, and return the exit code."""
    options = parse(Options, argv, "inspect", EXAMPLE)
    bundle = Bundle.load(options.bundle)
    manifest, receipt, console = bundle.manifest, bundle.receipt(), Console()
    _print_facts(console, f"Bundle {manifest.name}", _identity(bundle))
    _print_fields(console, "Observation", manifest.observation, "range seen in training")
    _print_fields(console, "Action", manifest.action, "limits")
    _print_facts(console, "What an action is", _action(manifest))
    _print_facts(console, "Operating point", _operating_point(manifest))
    print_table(
        "Variants", variant_rows(bundle), ("num_particles", "reference_steps", "sampler", "precision", "graphs_kb")
    )
    _print_receipt(console, receipt)
    if low := precision_facts(bundle):
        _print_facts(console, "What the low precisions lose against float32", low)
    if cheap := sampler_facts(bundle):
        _print_facts(console, "What fewer evaluations of the reference lose", cheap)
    _print_provenance(console, manifest.provenance)
    if options.json is not None:
        facts = {"bundle": str(bundle.folder), "bundle_sha256": bundle.sha256, "receipt": receipt}
        write_json(options.json, "inspect", facts | {"manifest": msgspec.to_builtins(manifest)}, variant_rows(bundle))
    return 0


def variant_rows(bundle: Bundle) -> list[dict[str, Any]]:
    """Return one row per variant; `graphs_kb` leaves out weights that lie in files of their own."""
    return [
        {
            "num_particles": variant.num_particles,
            "reference_steps": variant.reference_steps,
            "sampler": variant.sampler,
            "precision": variant.precision,
            "graphs_kb": _kilobytes(bundle.folder, {variant.reference, variant.step, variant.select}),
        }
        for variant in bundle.manifest.variants
    ]


def precision_facts(bundle: Bundle) -> Facts:
    """Return what the receipt says of each low precision on each backend, and of its success in the closed loop."""
    accepted, receipt = bundle.manifest.provenance.get(ACCEPTED, ()), bundle.receipt()
    facts: dict[str, str] = {}
    for precision in accepted:
        facts[precision] = "BEYOND ITS LIMITS, accepted at export"
    for entry in receipt.get("precisions", []):
        place = f"N = {entry['num_particles']}, {entry['precision']} on {entry['backend']}"
        where = ", ".join(entry[key] for key in ("device", "library") if key in entry)
        facts[place] = f"{in_words(entry)}{f' [{where}]' if where else ''}"
    for entry in receipt.get("closed_loop", []):
        if entry["precision"] != FLOAT32:
            facts[f"closed loop, {entry['precision']} on {entry['backend']}"] = _loop(entry, FLOAT32)
    return facts


def sampler_facts(bundle: Bundle) -> Facts:
    """Return what the receipt says of each way to draw that takes fewer evaluations than the operating point's."""
    receipt, facts = bundle.receipt(), dict[str, str]()
    for entry in receipt.get("samplers", []):
        facts[f"K = {entry['reference_steps']}, {entry['sampler']}"] = (
            f"particles {entry['median']:.3f} from those of K = {entry['against_reference_steps']} at the median, 99 % "
            f"within {entry['p99']:.3f}, where two of one state are {entry['apart']:.3f} apart; normalised action units"
        )
    for entry in receipt.get("closed_loop", []):
        if entry["precision"] == FLOAT32:
            against = f"K = {entry['against_reference_steps']}"
            facts[f"closed loop, K = {entry['reference_steps']}"] = _loop(entry, against)
    return facts


def _loop(entry: Mapping[str, Any], against: str) -> str:
    """Return what the closed loop lost, and how far from the data each was where that was looked up."""
    near = ""
    if entry.get("data_distance_here") is not None and entry.get("data_distance_float32") is not None:
        near = f"; {entry['data_distance_here']:.3g} from the data against {entry['data_distance_float32']:.3g}"
    return (
        f"{entry.get('score', 'success')} {entry['difference']:+.1%} against {against}, at least "
        f"{entry['difference_low']:+.1%}, of {entry['episodes']} paired episodes{near}"
        f"{'' if entry['passed'] else ', BEYOND ITS LIMIT'}"
    )


def _identity(bundle: Bundle) -> Facts:
    manifest = bundle.manifest
    period_s = manifest.control_period_s
    return {
        "folder": str(bundle.folder),
        "trained for": manifest.environment,
        "control period": f"{period_s * 1000:g} ms ({1 / period_s:g} Hz); another period is another task",
        "sha256": bundle.sha256,
        "files": f"{len(manifest.files)}, {_kilobytes(bundle.folder, set(manifest.files))} kB, every hash verified",
    }


def _action(manifest: Manifest) -> Facts:
    rungs = ", then ".join(RUNGS[rung] for rung in fallback_rungs(manifest.action_kind))
    rate = manifest.action_rate_limit
    return {
        "kind": f"{manifest.action_kind}: {KINDS[manifest.action_kind]}",
        "without a fresh action": rungs,
        "safe action": _numbers(manifest.safe_action),
        "rate limit": "none" if rate is None else f"{_numbers(rate)} per second",
    }


def _operating_point(manifest: Manifest) -> Facts:
    point, transport = manifest.operating_point, manifest.transport
    particles = "1 particle" if point.num_particles == 1 else f"{point.num_particles} particles"
    distance = "no limit" if point.max_distance is None else f"at most {point.max_distance:g} from the reference"
    return {
        "setting": "sealed by an evaluation" if point.sealed else "the exporter's first guess; no evaluation sealed it",
        "reference": f"{particles}, {_drawn(manifest)}",
        "steps": _cap(point),
        "step size": f"{point.step_size:g}, {distance}; normalised action units",
        "selection": point.selection + (f", temperature {point.temperature:g}" if point.selection == "softmax" else ""),
        "transport": f"{transport.form}, {transport.optimiser}, alpha {transport.alpha:g}, "
        f"{transport.aggregation} of the critics",
    }


def _drawn(manifest: Manifest) -> str:
    point = manifest.operating_point
    shape = (point.num_particles, point.reference_steps)
    sampler = next(each.sampler for each in manifest.variants if (each.num_particles, each.reference_steps) == shape)
    count = point.reference_steps
    return {
        "euler": f"{count} Euler steps",
        "midpoint": f"{count} evaluations in {count // 2} midpoint steps",
        "one-step": "one pass of a network distilled from the flow",
        "one-pass": "one pass",
    }[sampler]


def _cap(point: OperatingPoint) -> str:
    if point.max_steps > 0:
        paying = "" if point.min_gain is None else f" or once one has gained less than {point.min_gain:g} of value"
        return f"at most {point.max_steps}; fewer when the deadline is near{paying}"
    if point.sealed:
        return "0, which is an answer: the evaluation found no gain in moving particles, only in choosing among them"
    return "0: particles are chosen among, never moved"


def _print_facts(console: Console, title: str, facts: Facts) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")  # a hash that is cut off is of no use
    for name, text in facts.items():
        table.add_row(escape(name), escape(text))
    console.print(table)


def _print_fields(console: Console, title: str, fields: Sequence[Field], range_means: str) -> None:
    table = Table("field", "size", "unit", f"low ({range_means})", "high", title=title, title_justify="left")
    for field in fields:
        texts = (field.name, str(field.size), field.unit, _numbers(field.low), _numbers(field.high))
        table.add_row(*map(escape, texts))
    console.print(table)


def _print_receipt(console: Console, receipt: Mapping[str, Any]) -> None:
    """Print the comparisons of each variant as a table, everything else as it stands."""
    variants: list[dict[str, Any]] = receipt.get("variants", [])
    rows = [{**variant, **check} for variant in variants for check in variant.get("checks", [])]
    shown_elsewhere = ("variants", "precisions", "closed_loop", KEY)
    _print_facts(
        console, "Parity receipt", _plain({key: receipt[key] for key in receipt if key not in shown_elsewhere})
    )
    if rows:
        print_table("Parity: graphs against the networks they were made from", rows, CHECK_COLUMNS)


def _print_provenance(console: Console, provenance: Mapping[str, Any]) -> None:
    """Print evaluations as tables of their rows, everything else as it stands."""
    tables: dict[str, Any] = {
        key: value for key, value in provenance.items() if isinstance(value, dict) and "rows" in value
    }
    _print_facts(console, "Provenance", _plain({key: provenance[key] for key in provenance if key not in tables}))
    for key, evaluation in tables.items():
        print_table(f"Evaluation: {key}", evaluation["rows"], SCORE_COLUMNS)


def _plain(content: Mapping[str, Any]) -> Facts:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in content.items()}


def _numbers(values: Sequence[float]) -> str:
    """Return numbers in short, a constant vector as one number."""
    distinct = sorted(set(values))
    return f"{distinct[0]:g}" if len(distinct) == 1 else " ".join(f"{value:g}" for value in values)


def _kilobytes(folder: Path, names: set[str]) -> int:
    return round(sum((folder / name).stat().st_size for name in names) / 1000)
