"""What splitting a tick into three graphs costs against one graph of the same networks.

The fused graph draws, takes L steps and selects in one call; the split runs the three graphs of a bundle in turn, which
is what lets the controller stop between two steps. Both go through bound ONNX Runtime sessions on one thread, and are
timed in turn, so that whatever else the machine does meets them alike. `controller` is the whole tick of the deployed
controller beside them: deadline checks, noise, limits.

Target: split / fused at most 1.05, as a ratio of medians of the thread's own processor time. On an idle machine that is
the time on the wall; on a busy one it leaves out the time in which others had the core.

Example:
    python benchmarks/fusion.py --json out/bench/fusion.json
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from benchmarks.interleaved import ratio_interval, timed
from export.onnx_files import SharedWeights, to_onnx
from export.synthetic import Scale, SyntheticNetworks, write_graphs
from vgf_robot import results
from vgf_robot.backends import BoundGraph, Graphs, Signature, empty_buffers, load_backend, open_session
from vgf_robot.bench import read_layout, synthetic_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller

COLUMNS = ("mode", "max_steps", "tick_ms", "cpu_ms", "cpu_ratio")
BACKEND = "onnxruntime-cpu"
TARGET_RATIO = 1.05
TOLERANCE = 1e-4  # of actions in [-1, 1]; float32 sums in another order, through a few steps


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    ticks: int = 1000
    """Ticks of each kind per row, after the warm-up."""
    warm_up: int = 50
    """Ticks that are not counted."""
    steps: tuple[int, ...] = (1, 3, 5)
    """Transport steps L, one fused graph for each."""
    particles: tuple[int, ...] = (10, 1)
    """N, one bundle for each."""
    json: Path | None = None
    """Write the rows there."""


class FusedGraph(nn.Module):
    """Observation and noise to an action, with a number of steps that nothing can change any more."""

    def __init__(self, graphs: dict[str, nn.Module], num_steps: int) -> None:
        super().__init__()
        self.reference, self.step, self.select = graphs["reference"], graphs["step"], graphs["select"]
        self.num_steps = num_steps

    def forward(
        self,
        observation: Tensor,
        noise: Tensor,
        step_size: Tensor,
        max_distance: Tensor,
        selection_noise: Tensor,
        value_weight: Tensor,
    ) -> tuple[Tensor, ...]:
        """Return action, index, values, spread and the displacement of each particle."""
        (origin,) = self.reference(observation, noise)
        particles, first, second = origin, torch.zeros_like(origin), torch.zeros_like(origin)
        displacement = torch.zeros_like(origin[:, 0])
        for index in range(self.num_steps):
            particles, first, second, _, displacement = self.step(
                observation, particles, origin, first, second, torch.tensor(index), step_size, max_distance
            )
        return *self.select(observation, particles, selection_noise, value_weight), displacement


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for num_particles in options.particles:
            scale = Scale(num_particles=num_particles, max_steps=max(options.steps))
            of_scale = _rows_of(scale, Path(scratch), options)
            results.print_table(f"one tick of {num_particles} particle(s), p50 / p99 in ms", of_scale, COLUMNS)
            print(_verdict(of_scale))
            rows += of_scale
    if options.json is not None:
        results.write_json(options.json, "benchmarks/fusion", asdict(options), rows)
    return 0


def _verdict(rows: Sequence[dict[str, Any]]) -> str:
    worst = max((row for row in rows if row["mode"] == "split"), key=lambda row: row["cpu_ratio"])
    ratio, low, high = worst["cpu_ratio"], worst["cpu_ratio_low"], worst["cpu_ratio_high"]
    outcome = "kept" if ratio <= TARGET_RATIO else "missed"
    return f"split / fused at worst {ratio:.3f} ({low:.3f} to {high:.3f}): target of {TARGET_RATIO} {outcome}"


def _rows_of(scale: Scale, scratch: Path, options: Options) -> list[dict[str, Any]]:
    """Make both forms of a scale from the same weights and time them."""
    folder = scratch / f"n{scale.num_particles}"
    write_graphs(folder / "graphs", scale)
    bundle = synthetic_bundle(folder / "bundle", graphs=folder / "graphs")
    networks = _with_weights_of(bundle, folder / "graphs", scale)
    rows: list[dict[str, Any]] = []
    for num_steps in options.steps:
        print(f"N = {scale.num_particles}, L = {num_steps}: fusing and timing", file=sys.stderr)
        fused = _fused(networks, scale, num_steps, folder)
        rows += _timed(bundle, fused, num_steps, options)
    return rows


def _with_weights_of(bundle: Bundle, graphs: Path, scale: Scale) -> SyntheticNetworks:
    """Return networks with the weights that the bundle was filled with; what stays inside its graphs is zero."""
    layout = read_layout(graphs)
    content = np.fromfile(bundle.folder / layout.weights, np.uint8)
    networks = SyntheticNetworks(scale)
    parameters = dict(networks.named_parameters())
    with torch.no_grad():
        for tensor in layout.tensors:
            stored = content[tensor.offset : tensor.offset + tensor.num_bytes].view("<f4").reshape(tensor.shape)
            parameters[tensor.name].copy_(torch.from_numpy(stored))
    return networks


def _fused(networks: SyntheticNetworks, scale: Scale, num_steps: int, folder: Path) -> BoundGraph:
    grid, column = (scale.num_particles, scale.action_size), (scale.num_particles,)
    inputs = {"observation": (scale.observation_size,), "noise": grid, "step_size": (), "max_distance": ()}
    signature = Signature(
        {**inputs, "selection_noise": column, "value_weight": ()},
        {"action": (scale.action_size,), "index": (), "values": column, "spread": (), "displacement": column},
    )
    example = tuple(torch.rand(shape) for shape in signature.inputs.values())
    model = to_onnx("fused", FusedGraph(networks.graphs(scale), num_steps), example, signature)
    weights = SharedWeights(folder / f"fused-{num_steps}.bin")
    path = folder / f"fused-{num_steps}.onnx"
    weights.save(model, path)
    weights.write()
    session = open_session(path, signature, threads=1)
    return BoundGraph(session, empty_buffers(signature.inputs), empty_buffers(signature.outputs))


def _timed(bundle: Bundle, fused: BoundGraph, num_steps: int, options: Options) -> list[dict[str, Any]]:
    """Run fused, split and controller on the same inputs in turn, and return a row for each."""
    inputs, generator = _Inputs(bundle), np.random.default_rng(0)
    graphs = load_backend(BACKEND)(bundle, bundle.manifest.variants[0], threads=1)
    controller = Controller.open(bundle)
    episode, budget = controller.begin_episode(0), Budget(max_steps=num_steps)
    ways: dict[str, Callable[[], object]] = {
        "fused": lambda: _run_fused(fused, inputs),
        "split": lambda: _run_split(graphs, inputs, num_steps),
        "controller": lambda: controller.tick(episode, inputs.observation, None, budget),
    }
    inputs.draw(generator)
    _require_equal(_run_fused(fused, inputs), _run_split(graphs, inputs, num_steps))
    counted = timed(ways, options.ticks, options.warm_up, before=lambda: inputs.draw(generator))
    return [_row(mode, counted, len(inputs.noise), num_steps) for mode in ways]


class _Inputs:
    """What both forms are fed with, drawn anew for each round."""

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        num_particles = manifest.operating_point.num_particles
        self.observation = np.zeros(manifest.observation_size, np.float32)
        self.noise = np.zeros((num_particles, manifest.action_size), np.float32)
        self.selection_noise = np.zeros(num_particles, np.float32)
        self.zeros = np.zeros_like(self.noise)
        self.step_size = manifest.operating_point.step_size

    def draw(self, generator: np.random.Generator) -> None:
        self.observation[:] = generator.uniform(-1, 1, self.observation.shape)
        self.noise[:] = generator.standard_normal(self.noise.shape)


def _run_fused(fused: BoundGraph, inputs: _Inputs) -> np.ndarray:
    arrays = fused.inputs
    np.copyto(arrays["observation"], inputs.observation)
    np.copyto(arrays["noise"], inputs.noise)
    np.copyto(arrays["selection_noise"], inputs.selection_noise)
    arrays["step_size"][()] = inputs.step_size
    arrays["max_distance"][()] = math.inf
    arrays["value_weight"][()] = 1.0
    fused.run()
    return fused.outputs["action"]


def _run_split(graphs: Graphs, inputs: _Inputs, num_steps: int) -> np.ndarray:
    observation = inputs.observation
    origin = particles = graphs.reference(observation, inputs.noise)
    first = second = inputs.zeros
    for index in range(num_steps):
        moved = graphs.step(observation, particles, origin, first, second, index, inputs.step_size, math.inf)
        particles, first, second = moved.moved, moved.first_moment, moved.second_moment
    return graphs.select(observation, particles, inputs.selection_noise, 1.0).action


def _require_equal(fused: np.ndarray, split: np.ndarray) -> None:
    worst = float(np.abs(fused - split).max())
    if not worst <= TOLERANCE:
        raise SystemExit(f"Expected equal actions of both forms, found a difference of {worst:.2e}.")


def _row(mode: str, samples: dict[str, np.ndarray], num_particles: int, num_steps: int) -> dict[str, Any]:
    (tick_ms, cpu_ms), (fused_tick_ms, fused_cpu_ms) = samples[mode].T, samples["fused"].T
    low, high = (None, None) if mode == "fused" else ratio_interval(cpu_ms, fused_cpu_ms)
    return {
        "mode": mode,
        "backend": BACKEND,
        "precision": "float32",
        "num_particles": num_particles,
        "max_steps": num_steps,
        "tick_ms": results.latency_summary(tick_ms),
        "cpu_ms": results.latency_summary(cpu_ms),
        "tick_ratio": float(np.median(tick_ms) / np.median(fused_tick_ms)),
        "cpu_ratio": float(np.median(cpu_ms) / np.median(fused_cpu_ms)),
        "cpu_ratio_low": low,
        "cpu_ratio_high": high,
    }


if __name__ == "__main__":
    sys.exit(main())
