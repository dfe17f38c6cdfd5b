"""Engagement of one client: whether its robot is sent the controller's action, another one, or none to use."""

from __future__ import annotations

from typing import final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest
from vgf_robot.controller import Command
from vgf_robot.engagement import Engagement, EngagementError, EngagementSettings, EngagementState
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.messages import Instruction

Floats = NDArray[np.float32]


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is sent for a command.

    Attributes:
        action: Shape (A,), float32, inside the limits.
        usable: Whether the robot is meant to get it; where not, the action is one that moves it least.
        state: Where engagement stands; None where there is none.
        reason: Why it is in a fault.
    """

    action: Floats
    usable: bool = True
    state: EngagementState | None = None
    reason: str = ""


@final
class Gate:
    """One session's engagement, and when it last heard of the robot.

    Args:
        manifest: The bundle's.
        settings: What is asked of the first action, and what is borne afterwards.
        period_ns: Between two of the client's observations.
    """

    def __init__(self, manifest: Manifest, settings: EngagementSettings, *, period_ns: int) -> None:
        self._engagement = Engagement(manifest, settings)
        self._most_lost = settings.max_stale_periods
        self._period_ns = period_ns
        self._heard_ns: int | None = None
        self._absolute = manifest.action_kind == "absolute"
        self._safe: Floats = np.array(manifest.safe_action, np.float32)
        self._low = np.array([value for field in manifest.action for value in field.low], np.float32)
        self._high = np.array([value for field in manifest.action for value in field.high], np.float32)

    @property
    def state(self) -> EngagementState:
        """Where engagement stands."""
        return self._engagement.state

    @property
    def reason(self) -> str:
        """Why it is in a fault, a sentence; empty in every other state."""
        return self._engagement.reason

    def instruct(self, action: Instruction) -> None:
        """Do what the client asks for.

        Raises:
            RefusedError: There is a fault, which has to be cleared first.
        """
        before, engagement = self.state, self._engagement
        acts = {"engage": engagement.engage, "disengage": engagement.disengage, "clear": engagement.clear}
        try:
            acts[action]()
        except EngagementError as error:
            raise RefusedError(
                ErrorKind.ENGAGEMENT,
                expected="no fault",
                found=f"one: {self.reason.rstrip('.')}",
                advice="clear it before engaging again",
            ) from error
        if self.state is not before:
            self._heard_ns = None  # a robot that stands by need not be observed

    def fail(self, reason: str) -> None:
        """Be in a fault that this client was in before; "" is none."""
        self._engagement.fail(reason)

    def heard(self, now_ns: int) -> None:
        """Note that an observation came; the periods in which none did are counted as periods without one.

        A client that was silent for long comes back with a robot that may be anywhere.
        """
        if self._heard_ns is not None:
            num_lost = (now_ns - self._heard_ns) // self._period_ns - 1
            for _ in range(min(num_lost, self._most_lost)):
                self._engagement.lost(f"the client was silent for {(now_ns - self._heard_ns) / 1e9:.3g} s")
        self._heard_ns = now_ns

    def lost(self, reason: str) -> None:
        """Note an observation that could not be used; half a sentence says why."""
        self._engagement.lost(reason)

    def admit(self, command: Command, *, pose: Floats | None, now_ns: int) -> Admitted:
        """Return what the client is sent for a command.

        Args:
            command: The controller's.
            pose: Shape (A,), finite, where the robot is in the action's units; None where nobody knows.
            now_ns: Monotonic.
        """
        engagement = self._engagement
        action = engagement.admit(command, pose=pose, now_ns=now_ns)
        usable = action is not None
        return Admitted(
            action=self._standing_by(pose) if action is None else action,
            usable=usable,
            state=engagement.state,
            reason=engagement.reason,
        )

    def _standing_by(self, pose: Floats | None) -> Floats:
        """Return an action that moves the robot least, should somebody use it in spite of what is said of it."""
        if self._absolute and pose is not None:
            return np.clip(pose, self._low, self._high)
        return self._safe
