"""What is told of a running controller: every tick, what happened around it, and counters once a second."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal, Union

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import OperatingPoint
from vgf_robot.controller import Reason, Rung, Status, Timings
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import ProtocolError
from vgf_robot.wire.arrays import WireArray

VERSION = 1

Count = Annotated[int, msgspec.Meta(ge=0)]
Source = Literal["serve", "drive", "record"]


class EventKind(str, Enum):
    """What can happen beside ticks."""

    STARTED = "started"
    STOPPED = "stopped"
    RELOADED = "reloaded"  # or not: the text says what became of it
    GREETED = "greeted"  # a client shook hands
    REFUSED = "refused"  # a client was told why it gets no answer
    ENGAGEMENT = "engagement"  # another state, not a fault
    FAULT = "fault"  # engagement is in a fault, which stays until somebody clears it
    CONTROL = "control"  # an operator changed something


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the records: immutable, named fields only, unknown keys refused."""


class TickRecord(Part, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    """One tick: what was asked, by whom, what the controller made of it and how long that took.

    The action depends on observation, seed, tick, point, rung, steps, previous action and the time since it, and on
    nothing else: `vgf-robot replay` makes it again of them. Times are nanoseconds of the publisher's monotonic clock.

    Attributes:
        source: The verb that ran the tick.
        client: What the client calls itself.
        identity: What its state hangs on at the server; printable text as it is, other bytes in hexadecimal.
        bundle: Name of the bundle.
        bundle_sha256: Its hash.
        backend: What ran the graphs.
        threads: That it might use.
        control_period_s: Of the bundle.
        precision: Of the graphs.
        episode: The client's number of the episode.
        tick: Index in the episode, from 0.
        seed: Of the episode's generator.
        sequence: The client's number of the observation; None where there was none.
        observation: Shape (O,), in the robot's units; None where there was none.
        pose: Shape (A,), where the robot said it was; None where it did not.
        point: The setting the tick ran at.
        arrived_ns: When the observation came; None where there was none.
        deadline_ns: When the action was due; None for no deadline.
        queue_ns: From the observation's arrival to the beginning of the tick.
        margin_ns: Kept free before the deadline when a step is started.
        reference_cost_ns: What drawing particles was thought to take; None while unknown, as for the next two.
        step_cost_ns: Likewise, one step.
        select_cost_ns: Likewise, choosing one particle.
        status: How the tick ended; this and the next nine are those of `controller.Command`.
        rung: Where the action came from.
        reason: Why.
        steps: Transport steps taken.
        value: Of the chosen particle; None on the rungs hold and safe, as the next two.
        spread: Of that value over the ensemble.
        displacement: Of the chosen particle, in normalised action units.
        limited: Largest change that the limits made to an entry of the action.
        num_outside: Entries of the observation outside the range seen in training.
        timings: Of the tick and its stages.
        action: Shape (A,), the controller's, inside the limits and before engagement.
        sent: Shape (A,), what the robot was sent; None where that was nothing, or no robot was meant to use it.
        in_time: Whether a fresh action went out before its deadline; where not, the tick counts as a miss.
        engagement: Where engagement stood; None without it.
        engagement_reason: Why it was in a fault, a sentence.
        previous_action: Shape (A,), which the limits held this action to; None for the first of an episode.
        since_previous_ns: The time that they took to have passed since; None for one control period.
        particles_tick: Index of the tick whose particles there were to be scored again; None for none.
    """

    source: Source
    client: str
    identity: str
    bundle: str
    bundle_sha256: str
    backend: str
    threads: Count
    control_period_s: float
    precision: str
    episode: Count
    tick: Count
    seed: Count
    sequence: Count | None
    observation: WireArray | None
    pose: WireArray | None
    point: OperatingPoint
    arrived_ns: int | None
    deadline_ns: int | None
    queue_ns: int
    margin_ns: float
    reference_cost_ns: int | None
    step_cost_ns: int | None
    select_cost_ns: int | None
    status: Status
    rung: Rung
    reason: Reason
    steps: Count
    value: float | None
    spread: float | None
    displacement: float | None
    limited: float
    num_outside: Count
    timings: Timings
    action: WireArray
    sent: WireArray | None
    in_time: bool
    engagement: EngagementState | None
    engagement_reason: str
    previous_action: WireArray | None
    since_previous_ns: int | None
    particles_tick: Count | None


class Event(Part, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """Something that happened beside ticks.

    Attributes:
        source: The verb it happened in.
        kind: What.
        text: A sentence or half of one for whoever reads the recording.
        client: Whom it is about, by its own name; empty where nobody or not known.
        identity: As in `TickRecord`; empty likewise.
    """

    source: Source
    kind: EventKind
    text: str
    client: str = ""
    identity: str = ""


class Counters(Part, frozen=True, kw_only=True, tag_field="type", tag="counters"):
    """What has been counted since the start; told once a second.

    Attributes:
        source: The verb that counts; a recorder's own counters are in its files alone.
        counters: By name; docs/recording.md has them.
    """

    source: Source
    counters: dict[str, int]


# msgspec reads unions at run time, where Python 3.10 knows `X | Y` of classes too; Union keeps them aliases.
Record = Union[TickRecord, Event, Counters]  # noqa: UP007


class Stamped(Part, frozen=True, kw_only=True):
    """A record as it is published.

    Attributes:
        version: Of the records.
        run: Drawn when the publisher started, so that one that was restarted may count from 0 again.
        number: Records published before this one in the run: a gap is what a subscriber did not get.
        wall_ns: When it was published, nanoseconds since 1970 by the publisher's clock.
        monotonic_ns: Likewise, by the clock of the record's times.
        record: What is told.
    """

    version: int
    run: Count
    number: Count
    wall_ns: int
    monotonic_ns: int
    record: Record


def array_of(array: WireArray) -> NDArray[np.float32]:
    """Return the vector as it was, read-only.

    Raises:
        ProtocolError: It is no vector of float32, or its bytes do not fill it.
    """
    if array.dtype != "<f4" or len(array.shape) != 1 or len(array.data) != 4 * array.shape[0]:
        raise ProtocolError(
            f"Array in a record: expected the bytes of a vector of type '<f4', found {len(array.data)} bytes of type "
            f"'{array.dtype[:16]}' and {len(array.shape)} axes; the publisher speaks another version."
        )
    return np.frombuffer(array.data, "<f4")
