"""What stands at the robot's end: it uses an action while that is valid, and no longer."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest


@final
class Receiver:
    """Keeps the last action while it may be used, and falls back to the bundle's safe action.

    A reference for robots in other languages: call `take` in a control period in which an action came, `without` in
    one in which none did. Only an absolute action may be used again, and only until it expires: a change of pose, a
    velocity or a torque would move the robot once more.

    Args:
        manifest: The bundle's.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._safe: NDArray[np.float32] = np.array(manifest.safe_action, dtype=np.float32)
        self._may_hold = manifest.action_kind == "absolute"
        self._last = self._safe
        self._expires_ns: int | None = None

    def take(
        self, action: NDArray[np.float32], *, valid_for_ns: int, now_ns: int, sent_ns: int | None = None
    ) -> NDArray[np.float32]:
        """Remember an action that came, and return it; one whose time is over already is left out, as if none had come.

        Args:
            action: Shape (A,), in the robot's units.
            valid_for_ns: How long it may be used, from its arrival.
            now_ns: When it was read, on the receiver's own monotonic clock.
            sent_ns: When it left the loop at the earliest, on the same clock, as `CommandMessage.sent_ns` says where
                observations carry that clock's `stamp_ns`: a process that was held up reads an action later than it
                came, and does not know when that was. None to count from when it was read.
        """
        expires_ns = valid_for_ns + (now_ns if sent_ns is None else min(now_ns, sent_ns))
        if now_ns >= expires_ns:
            return self.without(now_ns)
        self._last, self._expires_ns = action, expires_ns
        return action

    def without(self, now_ns: int) -> NDArray[np.float32]:
        """Return the action of a period in which none came, shape (A,)."""
        return self._last if self._may_hold and not self.expired(now_ns) else self._safe

    def expired(self, now_ns: int) -> bool:
        """Return whether the last action may no longer be used; so it is before the first."""
        return self._expires_ns is None or now_ns >= self._expires_ns
