"""What a device profile holds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from vgf_robot.controller import Budget

PROFILE_VERSION = 1

Positive = Annotated[float, msgspec.Meta(gt=0)]
PositiveCount = Annotated[int, msgspec.Meta(ge=1)]


class StageSamples(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How long the stages of a tick take: a number of milliseconds for every tick, or one number for all.

    What says of which ticks, the last five, is None where it does not matter.

    Attributes:
        reference_ms: Drawing particles.
        step_ms: One transport step; or for every tick a list, one number per step.
        select_ms: Choosing a particle, and what a tick does beside its stages.
        overhead_ms: What passes before the tick: sensors, transport, a late wake-up. It counts from the grid point, or
            from the end of the tick before where that is later.
        num_particles: N.
        reference_steps: K.
        backend: What ran the graphs.
        precision: Of their matrix products.
        threads: Threads of the backend.
    """

    reference_ms: float | tuple[float, ...]
    step_ms: float | tuple[tuple[float, ...], ...]
    select_ms: float | tuple[float, ...]
    overhead_ms: float | tuple[float, ...] = 0.0
    num_particles: PositiveCount | None = None
    reference_steps: PositiveCount | None = None
    backend: str | None = None
    precision: str | None = None
    threads: PositiveCount | None = None

    def fits(self, num_particles: int, reference_steps: int) -> bool:
        """Return whether these are times of ticks with this N and K."""
        return self.num_particles in (None, num_particles) and self.reference_steps in (None, reference_steps)


class WorkingPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The setting that was chosen for a deadline.

    Attributes:
        deadline_ms: From an observation to its action at the robot.
        miss_rate: Share of the periods that were allowed to miss it.
        backend: What runs the graphs.
        precision: Of their matrix products.
        threads: Threads of the backend.
        reference_steps: K; never above the bundle's.
        budget: Never above the bundle's, as that of a request.
        margin_ms: What the recorded ticks have taught to keep free before the deadline.
        expected: What was foretold, for the reader: numbers by the names that every verb uses.
    """

    deadline_ms: Positive
    miss_rate: Annotated[float, msgspec.Meta(ge=0, le=1)]
    backend: str
    precision: str
    threads: PositiveCount
    reference_steps: PositiveCount
    budget: Budget
    margin_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    expected: dict[str, float | None] = {}


class DeviceProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device, as one bundle sees it.

    Attributes:
        schema_version: Version of this record; a newer one is refused.
        device: Facts such as processor and cores, as results carry them, or a sentence for the reader.
        bundle: The bundle's name, for the reader.
        bundle_sha256: Which bundle the working points are for; None where there are none.
        stages: What ticks take; where several entries fit a tick, the one that fits best, of equals the first.
        points: One per deadline.
    """

    schema_version: int = PROFILE_VERSION
    device: dict[str, str | int] | str = ""
    bundle: str = ""
    bundle_sha256: str | None = None
    stages: tuple[StageSamples, ...] = ()
    points: tuple[WorkingPoint, ...] = ()

    def point_for(self, deadline_ms: float) -> WorkingPoint | None:
        """Return the point of the longest deadline that is no longer than this one; None where there is none."""
        # A period and a share in decimals make 7.2 of 0.9 x 8, but for the last bit.
        in_time = [point for point in self.points if point.deadline_ms <= deadline_ms * (1 + 1e-6)]
        return max(in_time, key=lambda point: point.deadline_ms, default=None)
