"""What a suite shall run and be judged by: the record behind its YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from sim.evaluation.job import ClockName
from sim.faults import FaultSet, Severity
from vgf_robot.bundle import Selection
from vgf_robot.config import load
from vgf_robot.controller import Budget

Name = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
PositiveCount = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
CLEAR = "clear"
"""The scenario without a fault, which every severity of 0 is."""


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bundle in a plant.

    Attributes:
        bundle: Its folder, or the name of a shipped one.
        environment: The plant's name; None takes the one that the bundle was made for.
        name: As rows carry it; None takes the bundle's path.
    """

    bundle: Name
    environment: str | None = None
    name: Name | None = None

    @property
    def title(self) -> str:
        """As rows carry it."""
        return self.bundle if self.name is None else self.name


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults that come together.

    Attributes:
        name: As rows carry it; not `clear`.
        faults: As they are at severity 1.
    """

    name: Name
    faults: FaultSet


class NamedBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each request may spend; what is left out is the bundle's sealed setting.

    Attributes:
        name: As rows carry it.
        max_steps: As in `Budget`, like those below.
        step_size: Likewise.
        max_distance: Likewise.
        min_gain: Likewise.
        num_particles: Likewise.
        selection: Likewise.
        reference_steps: K, no more than the bundle's; None for the bundle's.
        precision: Of the matrix products; None for the first that the bundle has.
        backend: Name of the backend; None for the suite's.
        threads: Threads of the backend; None for the suite's.
        deadline_ms: How long after the start of a control period the action is due; None takes the suite's share of it.
        keeps_deadline: Whether the controller is told the deadline; misses are counted against it either way.
    """

    name: Name
    max_steps: Count | None = None
    step_size: Positive | None = None
    max_distance: Positive | None = None
    min_gain: Positive | None = None
    num_particles: PositiveCount | None = None
    selection: Selection | None = None
    reference_steps: PositiveCount | None = None
    precision: str | None = None
    backend: str | None = None
    threads: PositiveCount | None = None
    deadline_ms: Positive | None = None
    keeps_deadline: bool = True

    def budget(self) -> Budget:
        """Return the request."""
        return Budget(**{name: getattr(self, name) for name in Budget.__struct_fields__})


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must hold in every cell that it names; what is left out names all.

    Attributes:
        task: Of one task.
        scenario: Of one scenario.
        severity: At one severity.
        budget: Of one budget.
        min_success: Success rate at least.
        min_return: Mean return at least.
        max_miss_rate: Miss rate at most.
        max_drop: The success rate may be this much below that of the same task and budget without a fault.
    """

    task: str | None = None
    scenario: str | None = None
    severity: Severity | None = None
    budget: str | None = None
    min_success: Share | None = None
    min_return: float | None = None
    max_miss_rate: Share | None = None
    max_drop: Share | None = None


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every task under every scenario at every severity with every budget, on the same seeds.

    Attributes:
        tasks: One or more.
        scenarios: Faults; without any, episodes are clear.
        severities: Of the scenarios; 0 is the clear plant, and is run once.
        budgets: To be compared.
        baseline: Name of the budget that the others are compared to; None compares nothing.
        episodes: In every cell.
        seed: The episodes follow from it.
        clock: As in `eval BUNDLE`.
        deadline_share: Likewise.
        profile: Likewise.
        slow_down: Likewise.
        data: Dataset (.npz, .hdf5) from which the distance of each action is measured; not for `real-time`.
        backend: Name of the backend.
        threads: Threads of the backend.
        workers: Processes that share the episodes; changes nothing but the time that it takes.
        limits: They decide the exit code.
    """

    tasks: Annotated[tuple[Task, ...], msgspec.Meta(min_length=1)]
    scenarios: tuple[Scenario, ...] = ()
    severities: Annotated[tuple[Severity, ...], msgspec.Meta(min_length=1)] = (0.0, 1.0)
    budgets: Annotated[tuple[NamedBudget, ...], msgspec.Meta(min_length=1)] = (NamedBudget(name="sealed"),)
    baseline: str | None = None
    episodes: PositiveCount = 20
    seed: Count = 1000
    clock: ClockName = "lock-step"
    deadline_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    profile: str | None = None
    slow_down: Positive = 1.0
    data: str | None = None
    backend: str = "onnxruntime-cpu"
    threads: PositiveCount = 1
    workers: PositiveCount = 1
    limits: tuple[Limit, ...] = ()


def is_suite(target: str) -> bool:
    """Return whether what shall be evaluated is a suite's file, and not a bundle."""
    return target.endswith((".yaml", ".yml"))


def load_suite(path: Path) -> Suite:
    """Read a suite.

    Raises:
        ConfigError: The file is missing or does not say what it should.
    """
    return load(path, Suite)
