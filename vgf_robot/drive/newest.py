"""Which of the observations that come is the newest, and whose."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import final

from vgf_robot.bundle import Manifest
from vgf_robot.drive.messages import ObservationMessage
from vgf_robot.drive.sensor import Sensed
from vgf_robot.wire.arrays import unpack

# Senders whose time is over that are remembered.
MAX_FORMER = 1024


@final
class Newest:
    """The newest observation of one sender.

    A sender is a `run`: one that was restarted is another one, and two at a time are two. While a robot follows, it is
    that of the one whose observations it was engaged with: who comes later waits until nobody follows, and whose place
    was taken does not come back.

    Args:
        manifest: The bundle's.
        follows: Whether a robot follows what is decided, or is about to.
        counters: `observations`, `repeated`, `restarts` and `other_senders` are counted here.

    Attributes:
        sensed: The newest; None before the first.
        read_ns: When that was taken off the socket.
    """

    def __init__(self, manifest: Manifest, *, follows: Callable[[], bool], counters: Counter[str]) -> None:
        self.sensed: Sensed | None = None
        self.read_ns = 0
        self._manifest = manifest
        self._follows = follows
        self._counters = counters
        self._run = 0
        self._former: deque[int] = deque(maxlen=MAX_FORMER)

    def take(self, message: ObservationMessage, *, read_ns: int, lay_ns: int = 0) -> None:
        """Make a message the newest observation, unless there is a newer one or it is another sender's.

        Args:
            message: As it came.
            read_ns: When it was taken off the socket.
            lay_ns: How long it may have lain there; part of its age.

        Raises:
            RefusedError: One of its arrays will not do.
        """
        sensed = Sensed(
            observation=unpack(message.observation, self._manifest.observation),
            sequence=message.sequence,
            # The sender's clock is nobody's business here: the age is its own word, the arrival is ours.
            taken_ns=read_ns - lay_ns - 1000 * message.age_us,
            pose=None if message.pose is None else unpack(message.pose, self._manifest.action),
            stamp_ns=message.stamp_ns,
        )
        before = self.sensed
        if before is not None and message.run != self._run:
            if self._follows() or message.run in self._former:
                self._counters["other_senders"] += 1
                return
            self._counters["restarts"] += 1
            self._former.append(self._run)
        elif before is not None and message.sequence <= before.sequence:
            self._counters["repeated"] += 1
            return
        self._counters["observations"] += 1
        self.sensed, self.read_ns, self._run = sensed, read_ns, message.run
