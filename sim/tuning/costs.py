"""What ticks cost: measured on this device, or read; and the fastest way to compute each shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.durations import Durations, Pace, record
from sim.evaluation.device_profile import Compute, load_times, samples_of, with_steps
from sim.evaluation.progress import progress
from sim.tuning.candidates import Shape
from sim.tuning.request import TuneRequest
from vgf_robot.backends import installed_backends, load_backend
from vgf_robot.bench import BenchSettings
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller
from vgf_robot.errors import BundleError, ConfigError, MachineError
from vgf_robot.profile import DeviceProfile, StageSamples
from vgf_robot.results import device_facts, latency_summary

STAGE_COSTS = "stage-costs"
_LONGEST_PACE_NS = 10_000_000  # waiting longer changes nothing, and fifty milliseconds a tick add up
_DRAW_EVERY = 50
_NS_PER_MS = 1e6
Note = Callable[[str], object]
Costs = Mapping[tuple[Shape, Compute], Durations]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A shape on the backend that is the fastest for it.

    Attributes:
        shape: The graphs.
        compute: What runs them on the device.
        durations: Of its ticks at the cap.
    """

    shape: Shape
    compute: Compute
    durations: Durations

    def samples(self) -> StageSamples:
        """Return its times as a device profile has them."""
        return samples_of(self.durations, self.shape.num_particles, self.shape.reference_steps, self.compute)


def measure_costs(bundle: Bundle, request: TuneRequest, shapes: list[Shape], note: Note) -> DeviceProfile:
    """Run ticks of every shape on every backend here.

    Args:
        bundle: What is run.
        request: Backends, threads and how many ticks.
        shapes: Which variants.
        note: Takes what is worth saying, such as a backend that does not compute a precision.

    Raises:
        MachineError: A backend that there is not, or none computes anything.
        BundleError: The graphs give no finite numbers.
    """
    backends = request.backend or tuple(installed_backends())
    for name in backends:
        load_backend(name)
    ways = [
        (shape, Compute(name, shape.precision, threads))
        for shape in shapes
        for name in backends
        for threads in request.threads
    ]
    found: list[StageSamples] = []
    with progress(len(ways) * (request.ticks // _DRAW_EVERY + 1), "ticks") as advance:
        for shape, compute in ways:
            try:
                durations = _measured(bundle, request, shape, compute, advance)
            except (MachineError, BundleError) as error:
                note(f"Left out: N {shape.num_particles} on {compute.backend}, {compute.precision}: {error}")
                continue
            found.append(
                samples_of(durations, shape.num_particles, shape.reference_steps, compute, request.overhead_ms)
            )
    if not found:
        raise MachineError("No backend on this machine computes this bundle; the reasons stand above.")
    return DeviceProfile(device=device_facts(), bundle=bundle.manifest.name, stages=tuple(found))


def costs_of(path: Path, shapes: list[Shape]) -> dict[tuple[Shape, Compute], Durations]:
    """Return what a profile says of shapes; of an entry that names no backend, this machine's usual one is taken.

    Raises:
        ConfigError: It is no profile, or has no times for any of the shapes.
    """
    times, found = load_times(path), dict[tuple[Shape, Compute], Durations]()
    for shape in shapes:
        for samples, durations in times.entries:
            if samples.fits(*shape[:2]) and samples.precision in (None, shape.precision):
                backend, threads = samples.backend or "onnxruntime-cpu", samples.threads or 1
                found.setdefault((shape, Compute(backend, shape.precision, threads)), durations)
    if not found:
        wanted = ", ".join(f"N {shape.num_particles} in {shape.precision}" for shape in shapes)
        raise ConfigError(f"Device profile {path} has no times for {wanted}; measure here, or record them there.")
    return found


def fastest(costs: Costs, num_steps: int) -> list[Lane]:
    """Return for every shape the way to compute it that takes least at p99.

    Backends and threads give the same numbers but for rounding, so their times alone decide.

    Args:
        costs: What every way takes.
        num_steps: Of a tick.
    """
    lanes: dict[Shape, Lane] = {}
    for (shape, compute), durations in costs.items():
        lane = Lane(shape=shape, compute=compute, durations=durations)
        if shape not in lanes or _p99(durations, num_steps) < _p99(lanes[shape].durations, num_steps):
            lanes[shape] = lane
    return list(lanes.values())


def tick_ns(durations: Durations, num_steps: int) -> np.ndarray:
    """Return what each tick of so many steps takes, shape (T,)."""
    return durations.reference + with_steps(durations, num_steps).step.sum(axis=1) + durations.select


def cost_rows(costs: Costs, chosen: list[Lane], num_steps: int) -> list[dict[str, Any]]:
    """Return a row for every way to compute every shape; `chosen` says which one is the fastest."""
    best = {(lane.shape, lane.compute) for lane in chosen}
    return [
        {
            "mode": STAGE_COSTS,
            **shape._asdict(),
            "backend": compute.backend,
            "threads": compute.threads,
            "max_steps": num_steps,
            "chosen": (shape, compute) in best,
            "tick_ms": _summary(tick_ns(durations, num_steps)),
            "overhead_ms": _summary(durations.late),
            "reference_ms": _summary(durations.reference),
            "step_ms": _summary(durations.step),
            "select_ms": _summary(durations.select),
        }
        for (shape, compute), durations in costs.items()
    ]


def _measured(
    bundle: Bundle, request: TuneRequest, shape: Shape, compute: Compute, advance: Callable[[], None]
) -> Durations:
    restricted = bundle.restricted(reference_steps=shape.reference_steps, precision=shape.precision)
    controller = Controller.open(restricted, backend=compute.backend, threads=compute.threads)
    budget = Budget(num_particles=shape.num_particles)
    controller.prepare(budget)
    costs, cap = controller.costs(budget), controller.point(budget).max_steps
    reference, step, select = (each.estimate_ns or 0 for each in (costs.reference, costs.step, costs.select))
    period_ns = round(1e9 * bundle.manifest.control_period_s)
    # Room for the tick and a rest; a bundle that needs longer than its period is measured all the same.
    pace_ns = max(min(period_ns, _LONGEST_PACE_NS), round(1.5 * (reference + cap * step + select)) + 1_000_000)
    recording = record(
        controller,
        budget,
        BenchSettings(ticks=request.ticks, seed=request.seed),
        Pace(pace_ns).wait,
        lambda count: None if count % _DRAW_EVERY else advance(),
    )
    return recording.durations(period_ns, period_ns, step)


def _p99(durations: Durations, num_steps: int) -> float:
    return float(np.quantile(tick_ns(durations, num_steps), 0.99))


def _summary(values_ns: np.ndarray) -> dict[str, float] | None:
    return latency_summary(values_ns.ravel() / _NS_PER_MS)
