"""How fast training goes, and what share of the machine it uses.

Each method is updated on random data of the paper's size (256 states, N = 10, K = 5, L = 1, networks of 4x512) and of
the shipped bundles' (N = 4, 3x256), in float32 and with hidden layers in bfloat16. `reference` is an update of the
flow. Methods that transport are timed twice: with reference samples kept (`kept`, what the configurations do) and drawn
anew in every update (`drawn`, the authors' way).

FLOP are those of the matrix products, forward and backward, counted while one update runs. The peak beside them is the
best rate of a product of two large square matrices on the same threads, measured before each row; it is what these
machines give, and not what their maker says.

Example:
    python benchmarks/training.py --updates 30 --json out/bench/training.json
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from policies.config import (
    CriticConfig,
    DataConfig,
    FieldConfig,
    MethodName,
    ReferenceConfig,
    TaskConfig,
    TrainConfig,
    TransportConfig,
    validate,
)
from policies.datasets import Transitions
from policies.training import Trainer
from vgf_robot import results

Precision = Literal["float32", "bfloat16"]
Samples = Literal["kept", "drawn"]

OBSERVATION_SIZE = 28
ACTION_SIZE = 5
NUM_TRANSITIONS = 2048
KEPT_SAMPLES = 16
PEAK_SIZE = 2048
PEAK_PRODUCTS = 5
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COLUMNS = ("mode", "scale", "precision", "updates_per_s", "update_ms", "gflop", "gflop_per_s", "peak_share")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    updates: int = 30
    """Updates per row, after the warm-up."""
    warm_up: int = 5
    """Updates that are not counted."""
    scales: tuple[Literal["paper", "small"], ...] = ("paper", "small")
    """Sizes of networks and particle sets."""
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    """Of the hidden layers."""
    methods: tuple[MethodName, ...] = ("vgf", "a-vgf", "ifql", "fql")
    """What is trained."""
    threads: int = 1
    """CPU threads."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where; on a GPU each update is one CUDA graph, and the dataset lies there."""
    profile: bool = False
    """Also print which operations the time goes to."""
    json: Path | None = None
    """Write the rows there."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes of one scale."""

    hidden_sizes: tuple[int, ...]
    num_particles: int
    reference_steps: int = 5
    num_steps: int = 1
    batch_size: int = 256


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row: an update, and what it is called."""

    mode: str
    method: MethodName
    samples: Samples
    update: Callable[[Trainer], object]


SCALES = {
    "paper": Scale(hidden_sizes=(512, 512, 512, 512), num_particles=10),
    "small": Scale(hidden_sizes=(256, 256, 256), num_particles=4),
}


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(options.threads)
    rows: list[dict[str, Any]] = []
    for scale in options.scales:
        for precision in options.precisions:
            for case in _cases(options.methods):
                print(f"{scale}, {precision}: {case.mode}", file=sys.stderr)
                rows.append(_row(case, scale, precision, options))
    results.print_table("updates of training; FLOP of matrix products", rows, COLUMNS)
    if options.json is not None:
        results.write_json(options.json, "benchmarks/training", asdict(options), rows)
    return 0


def _cases(methods: tuple[MethodName, ...]) -> Iterator[Case]:
    yield Case(mode="reference", method="vgf", samples="kept", update=Trainer.update_reference)
    for method in methods:
        transports = method in ("vgf", "a-vgf")
        for samples in ("kept", "drawn") if transports else ("kept",):
            mode = f"{method}, {samples}" if transports else method
            yield Case(mode=mode, method=method, samples=samples, update=Trainer.update_critic)


def _row(case: Case, scale: str, precision: Precision, options: Options) -> dict[str, Any]:
    peak = _peak_gflop_per_s(DTYPES[precision], options.device)
    trainer = _trainer(case, SCALES[scale], precision, options.device)
    gflop = _gflop(lambda: case.update(trainer))  # the first update: on a GPU not yet a graph, which shows no operation
    seconds = _seconds(lambda: case.update(trainer), options)
    rate = len(seconds) / sum(seconds)
    if options.profile:
        _print_profile(lambda: case.update(trainer), options.updates)
    return {
        "mode": case.mode,
        "scale": scale,
        "precision": precision,
        "threads": options.threads,
        "updates_per_s": rate,
        "update_ms": results.latency_summary([1e3 * each for each in seconds]),
        "gflop": gflop,
        "gflop_per_s": gflop * rate,
        "peak_gflop_per_s": peak,
        "peak_share": gflop * rate / peak,
    }


def _peak_gflop_per_s(dtype: torch.dtype, device: str) -> float:
    """Return the best rate of a few large matrix products, with results written where the last ones were."""
    left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device).to(dtype) for _ in range(2))
    product = left @ right
    seconds: list[float] = []
    for _ in range(PEAK_PRODUCTS):
        _wait(device)
        began = time.perf_counter()
        torch.matmul(left, right, out=product)
        _wait(device)
        seconds.append(time.perf_counter() - began)
    return 2.0 * PEAK_SIZE**3 / min(seconds) / 1e9


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


class _FlopCount(TorchDispatchMode):
    """Adds up what torch's own formulas say; its FlopCounterMode also tracks modules, which `torch.func` forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.flop = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.flop += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def _gflop(update: Callable[[], object]) -> float:
    with _FlopCount() as counter:
        update()
    return counter.flop / 1e9


def _seconds(update: Callable[[], object], options: Options) -> list[float]:
    seconds: list[float] = []
    for _ in range(options.warm_up + options.updates):
        began = time.perf_counter()
        update()
        _wait(options.device)
        seconds.append(time.perf_counter() - began)
    return seconds[options.warm_up :]


def _print_profile(update: Callable[[], object], updates: int) -> None:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(updates):
            update()
    print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=10, max_name_column_width=40))


def _trainer(case: Case, scale: Scale, precision: Precision, device: Literal["cpu", "cuda"]) -> Trainer:
    trainer = Trainer(_config(case, scale, precision, device), _transitions())
    trainer.fill_cache(lambda _count: None)
    return trainer


def _config(case: Case, scale: Scale, precision: Precision, device: Literal["cpu", "cuda"]) -> TrainConfig:
    task = TaskConfig(
        environment="Random-v0",
        control_period_s=0.05,
        action_kind="delta",
        observation=(FieldConfig(name="observation", size=OBSERVATION_SIZE, unit="1"),),
        action=(FieldConfig(name="action", size=ACTION_SIZE, unit="1", low=-1.0, high=1.0),),
        safe_action=(0.0,) * ACTION_SIZE,
    )
    config = TrainConfig(
        name="benchmark",
        task=task,
        data=DataConfig(path="none", layout="ogbench"),
        method=case.method,
        precision=precision,
        device=device,
        batch_size=scale.batch_size,
        reference=ReferenceConfig(hidden_sizes=scale.hidden_sizes, num_steps=scale.reference_steps),
        critic=CriticConfig(hidden_sizes=scale.hidden_sizes),
        transport=TransportConfig(
            form="independent" if case.method == "a-vgf" else "svgd",
            num_particles=scale.num_particles,
            num_steps=scale.num_steps,
            samples_per_state=KEPT_SAMPLES if case.samples == "kept" else 0,
        ),
    )
    return validate(config)


def _transitions() -> Transitions:
    generator = torch.Generator().manual_seed(0)
    count = NUM_TRANSITIONS
    return Transitions(
        observations=torch.randn(count, OBSERVATION_SIZE, generator=generator),
        actions=torch.rand(count, ACTION_SIZE, generator=generator) * 2 - 1,
        rewards=torch.rand(count, generator=generator),
        masks=torch.ones(count),
        next_observations=torch.randn(count, OBSERVATION_SIZE, generator=generator),
        rows=torch.arange(count),
        num_episodes=1,
        num_timeouts=1,
        episode_returns=torch.zeros(1),
    )


if __name__ == "__main__":
    sys.exit(main())
