"""What an evaluation shall do: the record behind configs/eval/*.yaml and the command line."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sim.evaluation.job import ClockName
from sim.evaluation.sweep import Axes
from vgf_robot.bundle.manifest import Selection
from vgf_robot.errors import ConfigError

Count = Annotated[int, msgspec.Meta(ge=0)]
PositiveCount = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Through = Literal["in-process", "server"]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One evaluation of one bundle.

    Attributes:
        environment: The plant's name; None takes the one that the bundle was made for.
        episodes: Per setting.
        seed: Every setting sees the episodes that follow from it.
        num_particles: Values of N to sweep; empty with the other three for the three modes.
        steps: Numbers of transport steps to sweep.
        step_size: Step sizes to sweep, in normalised action units.
        selection: Selection rules to sweep.
        clock: `lock-step`: the plant waits, every step is taken. `real-time`: one action per period, or a miss.
        deadline_share: Share of the control period after which an action is too late; counts in real time.
        through: `in-process`, or `server` for the real server and client on this machine.
        endpoint: A server that runs already; takes the place of `through`.
        backend: Name of the backend.
        threads: Threads of the backend.
        workers: Processes that share the episodes; lock-step in process only.
        min_success: Success rate that the tuned row (every row where there is none) must reach.
        max_miss_rate: Miss rate that it must not pass.
    """

    environment: str | None = None
    episodes: PositiveCount = 50
    seed: Count = 1000
    num_particles: tuple[PositiveCount, ...] = ()
    steps: tuple[Count, ...] = ()
    step_size: tuple[Annotated[float, msgspec.Meta(gt=0)], ...] = ()
    selection: tuple[Selection, ...] = ()
    clock: ClockName = "lock-step"
    deadline_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    through: Through = "in-process"
    endpoint: str | None = None
    backend: str = "onnxruntime-cpu"
    threads: PositiveCount = 1
    workers: PositiveCount = 1
    min_success: Share | None = None
    max_miss_rate: Share | None = None

    @property
    def axes(self) -> Axes:
        """The values to sweep."""
        return Axes(
            num_particles=self.num_particles,
            max_steps=self.steps,
            step_size=self.step_size,
            selection=self.selection,
        )

    @property
    def remote(self) -> bool:
        """Whether a server answers, and not the controller in this process."""
        return self.through == "server" or self.endpoint is not None


def require_consistent(plan: Plan) -> None:
    """Refuse what cannot go together.

    Raises:
        ConfigError: Several workers where they would disturb each other's clock or share one server.
    """
    if plan.workers > 1 and plan.clock == "real-time":
        raise ConfigError("Workers disturb each other's clock; take --workers 1 or --clock lock-step.")
    if plan.workers > 1 and plan.remote:
        raise ConfigError("Workers would queue at one server; take --workers 1 or leave --through and --endpoint out.")
