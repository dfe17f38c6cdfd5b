"""A tick on an NVIDIA GPU: torch as it is, torch as CUDA graphs, and the GPU backends of bundles that are installed.

Networks of the paper's size with random weights. Each tick is a reference, L steps and a selection through the three
calls of a backend, every one of them with its copies, waited for: as the controller runs them. Beside it stand the
nodes of the CUDA graphs and the launch floor: what as many empty stages take, each one copy in, one out, and a wait.

Targets on an H100 or better, L = 5: at most 0.5 ms, p99 at most 1.2 times p50, 15 times as fast as torch without
graphs.

Example:
    python benchmarks/gpu.py --ticks 2000 --json out/bench/gpu.json
"""

from __future__ import annotations

import ctypes
import gc
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from export.precision.addition import without_receipt
from export.synthetic import Scale, SyntheticNetworks
from export.torch_on_gpu import open_torch_on_gpu
from vgf_robot import results
from vgf_robot.backends import Graphs, load_backend, open_gpu, signatures, why_not
from vgf_robot.bench import synthetic_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.errors import VgfError

BACKENDS = ("onnxruntime-cuda", "onnxruntime-tensorrt", "tensorrt")
EAGER = "torch, kernel by kernel"
COLUMNS = ("backend", "precision", "tick_ms", "reference_ms", "step_ms", "select_ms", "nodes", "times_eager")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    ticks: int = 1000
    """Ticks of each, after the warm-up."""
    warm_up: int = 50
    """Ticks that are not counted."""
    steps: int = 5
    """Transport steps L."""
    compiled: bool = True
    """Also what torch compiles of the graphs; this takes minutes."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    """Measure one after the other, print the table, and return the exit code."""
    options, scale = tyro.cli(Options, description=__doc__), Scale()
    rows: list[dict[str, Any]] = []
    floor = launch_floor_ms(options)
    for name, precision, open_graphs in subjects(scale, options):
        nodes: dict[str, int] = {}
        try:
            graphs = open_graphs(nodes)
        except VgfError as error:
            print(f"left out: {name}, {precision}: {error}", file=sys.stderr)
            continue
        row = {"backend": name, "precision": precision, **measure(graphs, scale, options)}
        row["nodes"] = (nodes and nodes["reference"] + options.steps * nodes["step"] + nodes["select"]) or None
        row["launch_floor_ms"] = floor
        rows.append(row)
        print(name, precision, results.cell_text(row["tick_ms"]), flush=True)
        del graphs
        gc.collect()
    eager = next((row["tick_ms"]["p50"] for row in rows if row["backend"] == EAGER), None)
    for row in rows:
        row["times_eager"] = eager and eager / row["tick_ms"]["p50"]
    gpu = open_gpu()
    results.print_table(f"{gpu.name}, {options.steps} steps, p50 / p99 in ms; launch floor {floor:.3f}", rows, COLUMNS)
    if options.json is not None:
        facts = {"gpu": gpu.name, "driver": gpu.driver, "torch": torch.__version__, "cuda": torch.version.cuda}
        results.write_json(options.json, "gpu", {**asdict(options), **facts}, rows)
    return 0


def subjects(scale: Scale, options: Options) -> Iterator[tuple[str, str, Callable[[dict[str, int]], Graphs]]]:
    """Yield a name, a precision, and what opens the graphs and counts the nodes of what it records."""
    sizes = (scale.num_particles, scale.observation_size, scale.action_size)
    torch.manual_seed(0)
    modules, expected = SyntheticNetworks(scale).graphs(scale), signatures(*sizes)
    yield EAGER, "float32", lambda _nodes: open_torch_on_gpu(modules, expected, record=False)
    ways = {"torch, CUDA graphs": False} | ({"torch, compiled, CUDA graphs": True} if options.compiled else {})
    for name, compiled in ways.items():
        yield (
            name,
            "float32",
            lambda nodes, compiled=compiled: open_torch_on_gpu(
                modules,
                expected,
                compiled=compiled,
                on_recorded=lambda stage, graph: nodes.__setitem__(stage, num_nodes(graph)),
            ),
        )
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        full = synthetic_bundle(Path(folder) / "full")
        bundle = without_receipt(full, Path(folder) / "low", ("bfloat16", "float16"))
        for name in BACKENDS:
            if reason := why_not(name):
                print(f"left out: {name}: {reason}", file=sys.stderr)
                continue
            for variant in bundle.manifest.variants:
                yield name, variant.precision, opener(name, bundle, variant.precision, scale)


def opener(name: str, bundle: Bundle, precision: str, scale: Scale) -> Callable[[dict[str, int]], Graphs]:
    """Return what opens a backend."""
    variant = bundle.variant(scale.num_particles, scale.reference_steps, precision)
    return lambda _nodes: load_backend(name)(bundle, variant, threads=1)


def num_nodes(graph: torch.cuda.CUDAGraph) -> int:
    """Return the number of nodes of a recorded graph."""
    count = ctypes.c_size_t()
    open_gpu().call("cuGraphGetNodes", ctypes.c_void_p(graph.raw_cuda_graph()), None, ctypes.byref(count))
    return count.value


def measure(graphs: Graphs, scale: Scale, options: Options) -> dict[str, Any]:
    """Return the latencies of ticks on varied inputs."""
    generator = np.random.default_rng(0)
    grid = (scale.num_particles, scale.action_size)
    rest, silent = np.zeros(grid, np.float32), np.zeros(scale.num_particles, np.float32)
    taken: dict[str, list[float]] = {name: [] for name in ("tick_ms", "reference_ms", "step_ms", "select_ms")}
    for count in range(options.warm_up + options.ticks):
        observation = generator.uniform(-1, 1, scale.observation_size).astype(np.float32)
        noise = generator.standard_normal(grid, np.float32)
        times = [time.perf_counter()]
        origin = particles = graphs.reference(observation, noise)
        times.append(time.perf_counter())
        first = second = rest
        for index in range(options.steps):
            moved = graphs.step(observation, particles, origin, first, second, index, 0.05, math.inf)
            particles, first, second = moved.moved, moved.first_moment, moved.second_moment
            times.append(time.perf_counter())
        chosen = graphs.select(observation, particles, silent, 1.0)
        times.append(time.perf_counter())
        if count < options.warm_up:
            if not np.isfinite(chosen.action).all():
                raise SystemExit("Expected finite actions.")
            continue
        spans = np.diff(times) * 1e3
        taken["tick_ms"].append((times[-1] - times[0]) * 1e3)
        taken["reference_ms"].append(float(spans[0]))
        taken["step_ms"] += spans[1:-1].tolist()
        taken["select_ms"].append(float(spans[-1]))
    return {name: results.latency_summary(values) for name, values in taken.items()}


def launch_floor_ms(options: Options) -> float:
    """Return what a tick's stages take at least: a small copy in, one out and a wait for each, as a CUDA graph."""
    gpu = open_gpu()
    host, device = gpu.allocate_host(2048), gpu.allocate(2048)

    def enqueue() -> None:
        gpu.copy_in(device.address, host)
        gpu.copy_out(host, device.address)

    enqueue()
    gpu.synchronize()
    launch = gpu.capture(enqueue)
    durations: list[float] = []
    for _ in range(options.warm_up + options.ticks):
        began = time.perf_counter()
        for _ in range(options.steps + 2):
            gpu.make_current()
            launch()
            gpu.synchronize()
        durations.append((time.perf_counter() - began) * 1e3)
    return float(np.median(durations[options.warm_up :]))


if __name__ == "__main__":
    sys.exit(main())
