"""What an evaluation shall do: the record behind configs/eval/*.yaml and the command line, and the rows it asks for."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

import msgspec

from sim.evaluation.job import ClockName
from sim.evaluation.modes import FIXED_0, SWEEP, Mode, Setting, deadline_modes, waiting_modes
from sim.faults import FaultSet, Severity
from vgf_robot.bundle import Manifest, Selection
from vgf_robot.controller import resolve
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
        num_particles: Values of N to sweep; empty with the other four for the clock's three modes.
        steps: Numbers of transport steps to sweep.
        step_size: Step sizes to sweep, in normalised action units.
        min_gain: Thresholds to sweep, in units of value: once a step has gained less, no further one is taken.
        selection: Selection rules to sweep.
        reference_steps: K, no more than the bundle's; None for that.
        data: Dataset that every action is looked up in; None for none. Not for `real-time`.
        d4rl_task: D4RL's name of the task, such as `hopper-medium-v2`, for a normalised score beside the return.
        clock: `lock-step`: the plant waits, every step is taken. `real-time`: one action per period, or a miss.
            `charged`: likewise, on a clock of the simulation, in which latency passes and actions take effect late.
        deadline_share: Share of the control period after which an action is too late; not for `lock-step`.
        profile: File of stage times on some device, for `charged`; None charges what the stages take in this run.
        slow_down: The profile's times are taken times this.
        record_profile: Write what ticks of every step take to this file, for `charged`; of the three modes of
            `real-time` in process.
        faults: What goes wrong in every episode.
        severity: How strong the faults are, from 0, none, to 1, as described.
        through: `in-process`, or `server` for the real server and client on this machine.
        endpoint: A server that runs already; takes the place of `through`.
        keys: Folder with the secret key that the server at `endpoint` lists; None where it asks for none.
        server_key: File with that server's public key; None for `server.public` in that folder.
        backend: Name of the backend.
        threads: Threads of the backend.
        workers: Processes that share the episodes; in process, in lock-step or charged by a profile.
        min_success: Success rate that the judged row must reach: `tuned`, with a deadline `adaptive`, and every row of
            a sweep without it.
        min_return: Mean return that it must reach.
        max_miss_rate: Miss rate that it must not pass.
    """

    environment: str | None = None
    episodes: PositiveCount = 50
    seed: Count = 1000
    num_particles: tuple[PositiveCount, ...] = ()
    steps: tuple[Count, ...] = ()
    step_size: tuple[Annotated[float, msgspec.Meta(gt=0)], ...] = ()
    min_gain: tuple[Annotated[float, msgspec.Meta(gt=0)], ...] = ()
    selection: tuple[Selection, ...] = ()
    reference_steps: PositiveCount | None = None
    data: str | None = None
    d4rl_task: str | None = None
    clock: ClockName = "lock-step"
    deadline_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    profile: str | None = None
    slow_down: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    record_profile: str | None = None
    faults: FaultSet = FaultSet()
    severity: Severity = 1.0
    through: Through = "in-process"
    endpoint: str | None = None
    keys: str | None = None
    server_key: str | None = None
    backend: str = "onnxruntime-cpu"
    threads: PositiveCount = 1
    workers: PositiveCount = 1
    min_success: Share | None = None
    min_return: float | None = None
    max_miss_rate: Share | None = None

    @property
    def sweeps(self) -> bool:
        """Whether something is varied, in the place of the clock's modes."""
        return bool(self.num_particles or self.steps or self.step_size or self.min_gain or self.selection)

    @property
    def has_deadline(self) -> bool:
        """Whether an action can come too late: the plant does not wait for it."""
        return self.clock != "lock-step"

    @property
    def measures(self) -> bool:
        """Whether how long this machine takes decides the outcome."""
        return self.clock == "real-time" or (self.clock == "charged" and self.profile is None)

    @property
    def remote(self) -> bool:
        """Whether a server answers, and not the controller in this process."""
        return self.through == "server" or self.endpoint is not None


def require_consistent(plan: Plan) -> None:
    """Refuse what cannot go together.

    Raises:
        ConfigError: Several workers where they would disturb each other's clock or share one server, a profile without
            the clock that it is for, or that clock with a server, whose time is its own; keys without a server.
    """
    if plan.endpoint is None and (plan.keys is not None or plan.server_key is not None):
        raise ConfigError("--keys and --server-key are for a server at an --endpoint, and there is none; give one.")
    if plan.reference_steps is not None and plan.remote:
        raise ConfigError("A server draws as its bundle says; leave --reference-steps or the server out.")
    if plan.data is not None and plan.clock == "real-time":
        raise ConfigError("Looking actions up takes time that passes; leave --data or --clock real-time out.")
    if plan.workers > 1 and plan.measures:
        raise ConfigError("Workers disturb each other's clock; take --workers 1, --clock lock-step or a --profile.")
    if plan.clock != "charged" and (plan.profile is not None or plan.slow_down != 1):
        raise ConfigError(f"A profile is charged, found --clock {plan.clock}; add --clock charged or leave it out.")
    if plan.slow_down != 1 and plan.profile is None:
        raise ConfigError("--slow-down multiplies the times of a profile, and there is none; give a --profile.")
    if plan.record_profile is not None and (plan.clock != "real-time" or plan.remote or plan.sweeps):
        raise ConfigError(
            "--record-profile writes what ticks of every step take in real time in this process; add --clock real-time "
            "and leave sweeps and servers out."
        )
    if plan.clock == "charged" and plan.remote:
        raise ConfigError("A server's time cannot be charged; leave --through and --endpoint out.")
    if plan.workers > 1 and plan.remote:
        raise ConfigError("Workers would queue at one server; take --workers 1 or leave --through and --endpoint out.")


def plan_rows(plan: Plan, manifest: Manifest) -> list[Mode]:
    """Return every row, in the order of the table: the clock's modes, or the settings to sweep.

    A sweep with a deadline has a row without steps for every N, the floor of its miss rates.

    Raises:
        BudgetError: A setting that the bundle does not allow or does not carry.
    """
    modes = deadline_modes(manifest) if plan.has_deadline else waiting_modes(manifest)
    if not plan.sweeps:
        return list(modes)
    settings = _grid(plan, manifest)
    floors = _floors(settings) if plan.has_deadline else []
    names = dict.fromkeys(floors, FIXED_0)
    names |= {mode.setting: mode.name for mode in reversed(modes) if mode.keeps_deadline}  # of equals, the first name
    for setting in settings:
        resolve(setting.budget(), manifest)
    return [Mode(name=names.get(setting, SWEEP), setting=setting) for setting in dict.fromkeys([*floors, *settings])]


def _grid(plan: Plan, manifest: Manifest) -> list[Setting]:
    """Return the settings to sweep; what is not varied stays at the bundle's operating point."""
    point = manifest.operating_point
    product = itertools.product(
        plan.num_particles or (point.num_particles,),
        plan.steps or (point.max_steps,),
        plan.step_size or (point.step_size,),
        plan.selection or (point.selection,),
        plan.min_gain or (point.min_gain,),
    )
    return list(dict.fromkeys(Setting.of(*values) for values in product))


def _floors(settings: list[Setting]) -> list[Setting]:
    """Return a setting without steps for every N; the selection, which costs the same, is the first one's."""
    first = {setting.num_particles: setting for setting in reversed(settings)}
    return [
        Setting(num_particles=count, max_steps=0, step_size=None, selection=first[count].selection)
        for count in sorted(first)
    ]
