"""Fewer operations: what each saving is worth by itself, in time and in error.

Networks of the paper's size (4 x 512, two critics, N = 10, K = 10, L = 5) on ONNX Runtime, one thread. What goes
without a saving and what goes with it are run in turn, on the same inputs; the ratio is that of the medians of the
thread's own processor time. `tick_saved` is the share of a tick that it spares: of reference, five steps and selection.

Errors are measured where there are trained networks: on the shipped `hopper-replay`, and, for cheaper ways to draw, in
the receipt of `--bundle`, one that `export --reference-steps 5,midpoint-4,one-step` wrote.

Example:
    python benchmarks/operations.py --bundle bundles/hopper --json out/bench/operations.json
"""

from __future__ import annotations

import copy
import importlib
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import tyro
from torch import Tensor, nn

from benchmarks.interleaved import ratio_interval, timed
from export.graphs import ReferenceGraph, SelectGraph, StepGraph, example_inputs
from export.onnx_files import to_onnx
from export.precision.lowering import lower
from export.synthetic import Scale
from policies.critic import Critic, aggregate
from policies.gradient_network import GradientNetwork
from policies.networks import expand_observation
from policies.reference import FlowReference, Midpoint, OneStepActor
from policies.scaling import ActionScaling
from policies.transport import Transport
from vgf_robot import results
from vgf_robot.backends import (
    BoundGraph,
    Signature,
    empty_buffers,
    installed_backends,
    load_backend,
    open_session,
    signatures,
)
from vgf_robot.bundle import Bundle
from vgf_robot.receipts import observations_of

COLUMNS = ("saving", "taken", "of", "without_ms", "with_ms", "ratio", "tick_saved", "error", "error_is")
STEPS = 5
TRAINED = "hopper-replay"
Run = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    rounds: int = 400
    """Runs of each, after the warm-up."""
    warm_up: int = 30
    """Runs that are not counted."""
    bundle: Path | None = None
    """A bundle with cheaper ways to draw in its receipt; without it their errors are left out."""
    json: Path | None = None
    """Write the rows there."""


@dataclass(frozen=True, kw_only=True)
class Saving:
    """One row before it is timed.

    Attributes:
        name: What is saved.
        taken: Whether the project does so.
        part: What of a tick it changes.
        times: How often a tick has that part.
        without: Runs the part without the saving; the name of a timed way.
        having: Runs it with the saving.
        error: What it costs, None where nobody can say.
        error_is: In what.
    """

    name: str
    taken: str
    part: str
    times: int
    without: str
    having: str
    error: float | None
    error_is: str


class Values(nn.Module):
    """The critic forward, and nothing else."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, observation: Tensor, particles: Tensor) -> tuple[Tensor]:
        """Return the values of the particles."""
        return (aggregate(self.critic(expand_observation(observation, particles), particles), "mean"),)


class Choice(nn.Module):
    """A selection that is given the values."""

    def __init__(self, action_scaling: ActionScaling) -> None:
        super().__init__()
        self.action_scaling = action_scaling

    def forward(self, particles: Tensor, values: Tensor, selection_noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the action and its index."""
        index = torch.argmax(values + selection_noise)
        return self.action_scaling(particles.index_select(0, index.reshape(1)).squeeze(0)), index


class BatchedCritic(nn.Module):
    """The same ensemble in products of stacked weights."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.scaling = critic.scaling
        layers = [list(member) for member in critic.members]
        self.dense = [[each[place] for each in layers] for place in range(len(layers[0]))]
        self.stacked = nn.ParameterList(
            nn.Parameter(torch.stack([getattr(layer, name) for layer in place]))
            for place in self.dense
            if not isinstance(place[0], nn.ReLU)
            for name in ("weight", "bias")
        )

    def forward(self, observation: Tensor, action: Tensor) -> Tensor:
        """Return each member's value, shape (E, N)."""
        hidden = torch.cat([self.scaling(observation), action], dim=-1).expand(len(self.stacked[0]), -1, -1)
        parameters = iter(self.stacked)
        for place in self.dense:
            if isinstance(place[0], nn.ReLU):
                hidden = hidden.relu()
                continue
            weight, bias = next(parameters), next(parameters).unsqueeze(1)
            if isinstance(place[0], nn.LayerNorm):
                size, eps = hidden.shape[-1:], place[0].eps
                hidden = torch.nn.functional.layer_norm(hidden, size, eps=eps) * weight.unsqueeze(1) + bias
            else:
                hidden = torch.bmm(hidden, weight.transpose(1, 2)) + bias
        return hidden.squeeze(-1)


class Graphs:
    """Traced modules with the arrays that they are fed from, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.bound: dict[str, Any] = {}
        self.models: dict[str, onnx.ModelProto] = {}

    def add(self, name: str, module: nn.Module, inputs: tuple[Tensor, ...], signature: Signature) -> None:
        """Trace a module and open it on ONNX Runtime."""
        print(f"tracing {name}", file=sys.stderr)
        self.models[name] = to_onnx(name, module, inputs, signature)
        path = self._folder / f"{name}.onnx"
        onnx.save(self.models[name], path)
        arrays = empty_buffers(signature.inputs), empty_buffers(signature.outputs)
        self.bound[name] = BoundGraph(open_session(path, signature, threads=1), *arrays)

    def add_low(self, name: str, of: str, signature: Signature, precision: str | None) -> None:
        """Open a traced graph on OpenVINO, lowered where a precision is named."""
        openvino = importlib.import_module("vgf_robot.backends.openvino_model")
        model = copy.deepcopy(self.models[of])
        if precision == "bfloat16":
            lower(model, precision)
        path = self._folder / f"{name}.onnx"
        onnx.save(model, path)
        arrays = empty_buffers(signature.inputs), empty_buffers(signature.outputs)
        self.bound[name] = openvino.BoundRequest(openvino.compile_graph(path, signature, 1), *arrays)

    def feed(self, generator: np.random.Generator) -> None:
        """Draw what all graphs are given: the same for inputs of one name and shape."""
        drawn: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}
        constants = {"step_index": 1, "step_size": 0.05, "max_distance": math.inf, "value_weight": 1.0}
        for graph in self.bound.values():
            for name, array in graph.inputs.items():
                if name in constants:
                    array[...] = constants[name]
                    continue
                key = (name, array.shape)
                drawn.setdefault(key, generator.uniform(0.0, 0.5, array.shape).astype(np.float32))
                array[...] = drawn[key]


def main() -> int:
    """Trace, time, print, and return the exit code."""
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        graphs = Graphs(Path(folder))
        trace(graphs, Scale())
        ways = ways_of(graphs)
        generator = np.random.default_rng(0)
        samples = timed(ways, options.rounds, options.warm_up, before=lambda: graphs.feed(generator))
        rows = [row(saving, samples) for saving in savings(graphs, options) if saving.having in ways]
    results.print_table("fewer operations; processor time, medians", rows, COLUMNS)
    if options.json is not None:
        results.write_json(options.json, "benchmarks/operations", asdict(options), rows)
    return 0


def trace(graphs: Graphs, scale: Scale) -> None:
    """Trace everything that is compared, at the paper's scale and for one particle."""
    sizes = (scale.observation_size, scale.action_size, scale.hidden_sizes)
    critic, flow = Critic(*sizes, ensemble_size=scale.ensemble_size), FlowReference(*sizes)
    scaling = ActionScaling(-torch.ones(scale.action_size), torch.ones(scale.action_size))
    kinds = {"form": "svgd", "optimiser": "adam", "alpha": 0.5, "aggregation": "mean"}
    alone, network = {**kinds, "form": "independent"}, GradientNetwork(*sizes)
    modules = {
        "reference": ReferenceGraph(flow, scale.reference_steps),
        "midpoint": ReferenceGraph(Midpoint(flow), 4),
        "one-step": ReferenceGraph(OneStepActor(*sizes), 1),
        "step": StepGraph(Transport(critic, **kinds)),
        "step-batched": StepGraph(Transport(BatchedCritic(critic), **kinds)),  # pyright: ignore[reportArgumentType]
        "step-alone": StepGraph(Transport(critic, **alone)),
        "step-amortised": StepGraph(Transport(critic, **alone, amortised=network, step_values=False)),
        "step-amortised-valued": StepGraph(Transport(critic, **alone, amortised=network)),
        "select": SelectGraph(critic, "mean", scaling),
    }
    n, o, a = shape = (scale.num_particles, scale.observation_size, scale.action_size)
    for name, module in modules.items():
        kind = "reference" if isinstance(module, ReferenceGraph) else name.partition("-")[0]
        signature = signatures(*shape, step_values=name != "step-amortised")[kind]
        graphs.add(name, module, example_inputs(kind, *shape), signature)
    for kind in ("reference", "step", "select"):
        one = (1, o, a)
        graphs.add(f"{kind}-n1", modules[kind], example_inputs(kind, *one), signatures(*one)[kind])
    values = Signature({"observation": (o,), "particles": (n, a)}, {"values": (n,)})
    graphs.add("values", Values(critic), (torch.rand(o), torch.rand(n, a)), values)
    given = {"particles": (n, a), "values": (n,), "selection_noise": (n,)}
    choice = Signature(given, {"action": (a,), "index": ()})
    graphs.add("choice", Choice(scaling), (torch.rand(n, a), torch.rand(n), torch.rand(n)), choice)
    if "openvino-cpu" in installed_backends():
        graphs.add_low("reference-openvino-bfloat16", "reference", signatures(*shape)["reference"], "bfloat16")


def ways_of(graphs: Graphs) -> dict[str, Run]:
    """Return what is timed: every graph by itself, the ticks, and a step that asks twice."""
    bound = graphs.bound
    ways: dict[str, Run] = {name: graph.run for name, graph in bound.items()}

    def tick(end: str) -> Run:
        parts = [bound[f"reference{end}"], *[bound[f"step{end}"]] * STEPS, bound[f"select{end}"]]
        return lambda: [part.run() for part in parts]

    ways |= {"tick": tick(""), "tick-n1": tick("-n1")}
    ways["step-twice"] = lambda: (bound["values"].run(), bound["step"].run())
    return ways


def savings(graphs: Graphs, options: Options) -> Iterator[Saving]:
    """Yield every saving with its error."""
    one_pass = difference(graphs, "step", "values", "values")
    yield saving("value and gradient from one pass", "yes", "step", "step-twice", "step", one_pass, "values, worst")
    yield saving(
        "selection by the last step's values", "no", "select", "select", "choice", late_choice(), "spread lost, mean"
    )
    yield saving("one particle for ten", "where sealed", "tick", "tick", "tick-n1", None, "a setting, evaluated")
    drawn = errors_of(options.bundle)
    for rule, name in (("midpoint", "midpoint"), ("one-step", "one-step")):
        yield saving(
            f"reference: {name}{' of 4' if rule == 'midpoint' else ''} for 10 Euler",
            "export option",
            "reference",
            "reference",
            name,
            drawn.get(rule),
            "particles, median over apart",
        )
    yield saving("a network for the gradient", "a-vgf", "step", "step-alone", "step-amortised", None, "another method")
    yield saving("its steps without values", "yes", "step", "step-amortised-valued", "step-amortised", 0.0, "particles")
    batched = difference(graphs, "step", "step-batched", "moved")
    yield saving("ensemble in stacked products", "no", "step", "step", "step-batched", batched, "particles, worst")
    low = "reference-openvino-bfloat16"
    error = low_reference() if low in graphs.bound else None
    yield saving(
        "reference alone in bfloat16", "no", "reference", "reference", low, error, "particles, median over apart"
    )


def saving(name: str, taken: str, part: str, without: str, having: str, error: float | None, unit: str) -> Saving:
    """Return a saving; a tick has five steps and one of everything else."""
    times = STEPS if part == "step" else 1
    return Saving(
        name=name, taken=taken, part=part, times=times, without=without, having=having, error=error, error_is=unit
    )


def difference(graphs: Graphs, name: str, other: str, output: str) -> float:
    """Return how far an output of two graphs is apart on the same inputs, at worst."""
    worst, generator = 0.0, np.random.default_rng(1)
    for _ in range(20):
        graphs.feed(generator)
        for each in (name, other):
            graphs.bound[each].run()
        found, expected = (graphs.bound[each].outputs[output] for each in (name, other))
        worst = max(worst, float(np.abs(found - expected).max()))
    return worst


def late_choice() -> float:
    """Return what choosing by the values before the last step costs, as a share of the spread of the values after."""
    bundle = Bundle.load(TRAINED)
    point = bundle.manifest.operating_point
    shape = (point.num_particles, bundle.manifest.action_size)
    variant = bundle.variant(point.num_particles, point.reference_steps)
    graphs = load_backend("onnxruntime-cpu")(bundle, variant, threads=1)
    generator, zeros, lost = np.random.default_rng(0), np.zeros(shape, np.float32), list[float]()
    for observation in observations_of(bundle):
        origin = particles = graphs.reference(observation, generator.standard_normal(shape, np.float32)).copy()
        first = second = zeros
        values = zeros[:, 0]
        for index in range(point.max_steps):
            moved = graphs.step(observation, particles, origin, first, second, index, point.step_size, math.inf)
            particles, first, second = moved.moved, moved.first_moment, moved.second_moment
            values = moved.values.copy()
        after = graphs.select(observation, particles, zeros[:, 0].copy(), 1.0).values
        lost.append(float((after.max() - after[values.argmax()]) / max(np.ptp(after), 1e-9)))
    return float(np.mean(lost))


def low_reference() -> float:
    """Return how far bfloat16 moves the particles of the shipped reference, over how far two of one state are apart."""
    bundle = Bundle.load(TRAINED)
    point = bundle.manifest.operating_point
    shape = (point.num_particles, bundle.manifest.observation_size, bundle.manifest.action_size)
    signature = signatures(*shape)["reference"]
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        graphs = Graphs(Path(folder))
        graphs.models["full"] = onnx.load(bundle.folder / bundle.variant(shape[0], point.reference_steps).reference)
        graphs.add_low("as-it-is", "full", signature, None)
        graphs.add_low("low", "full", signature, "bfloat16")
        generator, moved, apart = np.random.default_rng(0), list[np.ndarray](), list[np.ndarray]()
        for observation in observations_of(bundle):
            noise = generator.standard_normal((shape[0], shape[2]), np.float32)
            for graph in graphs.bound.values():
                graph.inputs["observation"][...], graph.inputs["noise"][...] = observation, noise
                graph.run()
            full, low = (graphs.bound[name].outputs["particles"] for name in ("as-it-is", "low"))
            moved.append(np.linalg.norm(full - low, axis=-1))
            apart.append(np.linalg.norm(full - np.roll(full, 1, axis=0), axis=-1))
    return float(np.median(np.stack(moved)) / np.median(np.stack(apart)))


def errors_of(bundle: Path | None) -> dict[str, float]:
    """Return the error of each way to draw in a bundle's receipt, over how far two particles of a state are apart."""
    if bundle is None:
        return {}
    entries = Bundle.load(bundle).receipt().get("samplers", [])
    return {entry["sampler"]: entry["median"] / entry["apart"] for entry in entries}


def row(of: Saving, samples: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return a saving with its times."""
    without, having, tick = (samples[name][:, 1] for name in (of.without, of.having, "tick"))
    low, high = ratio_interval(having, without)
    saved = of.times * (np.median(without) - np.median(having)) / np.median(tick)
    return {
        "saving": of.name,
        "taken": of.taken,
        "of": of.part,
        "without_ms": float(np.median(without)),
        "with_ms": float(np.median(having)),
        "ratio": float(np.median(having) / np.median(without)),
        "ratio_low": low,
        "ratio_high": high,
        "tick_saved": float(saved),
        "error": of.error,
        "error_is": of.error_is,
    }


if __name__ == "__main__":
    sys.exit(main())
