"""What `tune` shall find, and among what: the record behind configs/tune/*.yaml and the command line."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vgf_robot.bundle import Manifest, Selection
from vgf_robot.errors import ConfigError

Count = Annotated[int, msgspec.Meta(ge=0)]
PositiveCount = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

_CAUTION = (0.1, 0.2, 0.4, 0.8, 1.6)


class TuneRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bundle on one device.

    Attributes:
        deadline_ms: From an observation to its action, none longer than the control period: a working point for each.
        miss_rate: Share of the periods that may miss it.
        environment: The plant's name; None takes the one that the bundle was made for.
        num_particles: Values of N; empty for all that the bundle has, like those below.
        reference_steps: Values of K, none above the bundle's.
        precision: Of the matrix products.
        backend: Backends to measure; empty for all that are installed.
        threads: Threads of the backend to measure.
        steps: Numbers of transport steps; empty for all up to the bundle's cap.
        step_size: Sizes of a step, in normalised action units; empty for the bundle's, like those below.
        selection: Selection rules.
        max_distance: Largest displacements, in normalised action units.
        ladder_ms: Deadlines of the table that says what each further millisecond buys; longer ones than the control
            period are left out.
        clock: Where settings are chosen: `charged`, with the latency in the loop; or `lock-step`, which is quicker. The
            choice is confirmed charged.
        profile: Device profile to read; None measures this device.
        overhead_ms: Added to every tick that is measured here: sensors and transport.
        ticks: Measured of every way to compute.
        episodes: Of each setting.
        seed: Of the episodes on which settings are chosen.
        confirm_episodes: Of each chosen setting.
        confirm_seed: Of the episodes on which they are scored; another one, as the best of many is partly luck.
        caution: Displacements at which a working point is looked at once more; empty for none, with `data` for some.
        data: Dataset that actions are compared with then.
        workers: Processes that share the episodes.
    """

    deadline_ms: tuple[Positive, ...] = ()
    miss_rate: Share = 0.01
    environment: str | None = None
    num_particles: tuple[PositiveCount, ...] = ()
    reference_steps: tuple[PositiveCount, ...] = ()
    precision: tuple[str, ...] = ()
    backend: tuple[str, ...] = ()
    threads: Annotated[tuple[PositiveCount, ...], msgspec.Meta(min_length=1)] = (1,)
    steps: tuple[Count, ...] = ()
    step_size: tuple[Positive, ...] = ()
    selection: tuple[Selection, ...] = ()
    max_distance: tuple[Positive, ...] = ()
    ladder_ms: tuple[Positive, ...] = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0)
    clock: Literal["charged", "lock-step"] = "charged"
    profile: str | None = None
    overhead_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    ticks: PositiveCount = 500
    episodes: PositiveCount = 20
    seed: Count = 5000
    confirm_episodes: PositiveCount = 50
    confirm_seed: Count = 6000
    caution: tuple[Positive, ...] = ()
    data: str | None = None
    workers: PositiveCount = 1

    @property
    def displacements(self) -> tuple[float, ...]:
        """The displacements at which a working point is looked at once more."""
        return self.caution or (_CAUTION if self.data is not None else ())

    def deadlines_ms(self, manifest: Manifest) -> tuple[float, ...]:
        """Return every deadline that is looked at, ascending."""
        period_ms = 1e3 * manifest.control_period_s
        return tuple(sorted({*self.deadline_ms, *(each for each in self.ladder_ms if each <= period_ms)}))


def require_consistent(request: TuneRequest, manifest: Manifest) -> None:
    """Refuse what cannot be, before anything is measured.

    Raises:
        ConfigError: No deadline or one longer than the period, equal seeds, or options that contradict each other.
    """
    if not request.deadline_ms:
        raise ConfigError("--deadline-ms: expected one deadline or several, such as 2,5,20, found none.")
    period_ms = 1e3 * manifest.control_period_s
    longest_ms = max(request.deadline_ms)
    if longest_ms > period_ms * (1 + 1e-9):
        raise ConfigError(
            f"--deadline-ms: expected at most the control period of '{manifest.name}', {period_ms:g} ms, found "
            f"{longest_ms:g}; the policy was trained to act every {period_ms:g} ms."
        )
    if request.seed == request.confirm_seed:
        raise ConfigError(
            f"--seed and --confirm-seed: expected two, found {request.seed} twice; what is chosen on some episodes "
            "looks better on them than on others."
        )
    if request.profile is not None and request.overhead_ms:
        raise ConfigError("--overhead-ms is added to what is measured here; a profile has its own `overhead_ms`.")
    if request.profile is not None and (request.backend or request.threads != (1,)):
        raise ConfigError("--backend and --threads say what is measured here; a profile says what was measured there.")
