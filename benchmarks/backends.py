"""Every backend and precision of this machine on one tick of the paper's size, beside the rate of its products.

Networks of 4 x 512 with random weights, two critics, N = 10, K = 10, L = 5, svgd: 515 MFLOP; and A-VGF, whose step asks
a network for the gradient. Target: 80 % of the rate of the tick's heaviest product by itself, in float32 on one thread.
How the tick compares with the authors' way of computing it, on this machine, `benchmarks/jax_tick.py` says.

All subjects are measured in short turns one after the other, so that a drift of the machine meets all of them.

Example:
    python benchmarks/backends.py --ticks 400 --json out/bench/backends.json
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from torch import nn

from export.precision.addition import without_receipt
from export.synthetic import Scale, SyntheticNetworks, write_graphs
from policies.gradient_network import GradientNetwork
from policies.transport import Transport
from vgf_robot import results
from vgf_robot.backends import installed_backends
from vgf_robot.bench import BenchSettings, Opened, Roofline, subjects_of, synthetic_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.errors import VgfError

SHARE_OF_PEAK = 0.8
COLUMNS = ("method", "backend", "precision", "threads", "tick_ms", "step_ms", "share_of_peak")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    ticks: int = 400
    """Ticks of each, after the warm-up."""
    turns: int = 4
    """Parts into which the ticks of each are cut; all have their first part, then all their second."""
    threads: tuple[int, ...] = (1, 2)
    """Threads that one graph may use."""
    precisions: tuple[str, ...] = ("float32", "bfloat16")
    """Of the products with large weights."""
    json: Path | None = None
    """Write the rows there."""


class AmortisedNetworks(SyntheticNetworks):
    """The networks of A-VGF: a step asks a network for the gradient, and the critic only for the values."""

    def __init__(self, scale: Scale) -> None:
        super().__init__(scale)
        self.gradient = GradientNetwork(scale.observation_size, scale.action_size, scale.hidden_sizes)
        for parameter in self.gradient.parameters():
            nn.init.normal_(parameter)
        # Behind a property, as in the class above.
        self._transport = (
            Transport(
                self.critic,
                form="independent",
                optimiser="adam",
                alpha=0.5,
                aggregation="mean",
                amortised=self.gradient,
                step_values=False,
            ),
        )


def main() -> int:
    """Measure, print, and return the exit code."""
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        rows = [
            row for method in ("vgf", "a-vgf") for row in measured(method, bundle_of(method, Path(folder)), options)
        ]
    results.print_table("4 x 512, N = 10, K = 10, L = 5; p50 / p99 in ms", rows, COLUMNS)
    for sentence in verdicts(rows):
        print(sentence)
    if options.json is not None:
        results.write_json(options.json, "backends", asdict(options), rows)
    return 0


def bundle_of(method: str, folder: Path) -> Bundle:
    """Write the bundle of a method, with low precisions that no receipt vouches for."""
    if method == "vgf":
        full = synthetic_bundle(folder / "vgf")
    else:
        write_graphs(folder / "graphs", Scale(), AmortisedNetworks)
        full = synthetic_bundle(folder / "a-vgf", graphs=folder / "graphs")
    return without_receipt(full, folder / f"{method}-low", ("bfloat16", "float16"))


def measured(method: str, bundle: Bundle, options: Options) -> Iterator[dict[str, Any]]:
    """Yield a row per backend, precision and number of threads, at the most steps."""
    roofline, opened = Roofline(bundle), list[Opened]()
    for precision in options.precisions:
        for subject in subjects_of(bundle, installed_backends(), precision, (), options.threads):
            try:
                opened.append(Opened.open(bundle, subject))
            except VgfError as error:
                print(f"left out: {method}, {subject.name}: {error}", file=sys.stderr)
    samples: dict[int, list[dict[str, Any]]] = {number: [] for number in range(len(opened))}
    settings = BenchSettings(ticks=max(1, options.ticks // options.turns), warm_up_ticks=5)
    steps = (bundle.manifest.operating_point.max_steps,)
    for _ in range(options.turns):
        for number, each in enumerate(opened):
            samples[number] += each.rows(settings, roofline, nullcontext(lambda _done: None), steps)
    for rows in samples.values():
        yield with_share(method, middle(rows))


def middle(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the turn with the median p50: a turn that others disturbed does not count."""
    return sorted(rows, key=lambda row: row["tick_ms"]["p50"])[(len(rows) - 1) // 2]


def with_share(method: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row beside the rate of its products by themselves."""
    times = row.get("times_roof")
    return {"method": method, **row, "share_of_peak": times and 1.0 / times}


def verdicts(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a sentence for the target: what the best row reached."""
    # On one thread alone: what two reach together is no peak of one.
    peak = [row for row in rows if (row["method"], row["precision"], row["threads"]) == ("vgf", "float32", 1)]
    peak = [row for row in peak if row["share_of_peak"]]
    if peak:
        best = max(row["share_of_peak"] for row in peak)
        met = "met" if best >= SHARE_OF_PEAK else "missed"
        yield f"vgf, float32: {best:.0%} of the rate of its products, target {SHARE_OF_PEAK:.0%} {met}."


if __name__ == "__main__":
    torch.set_num_threads(1)
    np.seterr(all="raise", under="ignore")
    sys.exit(main())
