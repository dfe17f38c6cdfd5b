"""The states of engagement and the ways between them."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest
from vgf_robot.controller import Command
from vgf_robot.controller.limits import Limits
from vgf_robot.engagement.blend import Blend
from vgf_robot.engagement.first_action import FirstAction
from vgf_robot.engagement.settings import EngagementSettings
from vgf_robot.engagement.state import EngagementError, EngagementState
from vgf_robot.engagement.watch import Watch
from vgf_robot.errors import ProtocolError

Floats = NDArray[np.float32]


@final
class Engagement:
    """Stands between the controller and one robot, and decides what that is sent.

    DISENGAGED -> CHECKING -> BLENDING_IN -> ENGAGED, and FAULT from each of the last three. A fault is latched: only
    `clear` leaves it. Whatever is sent is inside the bundle's limits, those of its rate included: between two actions
    one control period is taken to pass.

    Args:
        manifest: The bundle's.
        settings: What is asked of the first action, and what is borne afterwards.

    Attributes:
        state: Where the robot stands.
        reason: Why it is in FAULT, a sentence; "" in every other state.
    """

    def __init__(self, manifest: Manifest, settings: EngagementSettings) -> None:
        self.state = EngagementState.DISENGAGED
        self.reason = ""
        self._settings = settings
        self._absolute = manifest.action_kind == "absolute"
        self._safe: Floats = np.array(manifest.safe_action, np.float32)
        self._limits = Limits(manifest)
        self._first = FirstAction(manifest, settings)
        self._watch = Watch(settings)
        self._blend: Blend | None = None
        self._sent: Floats | None = None

    def engage(self) -> None:
        """Have the next action checked and, if it is good, blended in; does nothing where that is under way or done.

        Raises:
            EngagementError: There is a fault, which has to be cleared first.
        """
        if self.state is EngagementState.FAULT:
            raise EngagementError(f"Expected no fault, found one: {self.reason} Clear it before engaging again.")
        if self.state is EngagementState.DISENGAGED:
            self._start_over(EngagementState.CHECKING)

    def disengage(self) -> None:
        """Send nothing any more; a fault stays."""
        if self.state is not EngagementState.FAULT:
            self._start_over(EngagementState.DISENGAGED)

    def clear(self) -> None:
        """Leave FAULT for DISENGAGED; does nothing in any other state."""
        if self.state is EngagementState.FAULT:
            self._start_over(EngagementState.DISENGAGED)

    def fail(self, reason: str) -> None:
        """Latch a fault; "" is none.

        Args:
            reason: A sentence.
        """
        if reason:
            self.state = EngagementState.FAULT
            self.reason = reason

    def lost(self, reason: str) -> None:
        """Report a period without a usable observation; too many in a row are a fault.

        Args:
            reason: Why there was none, half a sentence such as "no new observation since sequence 41".
        """
        if self.state not in (EngagementState.DISENGAGED, EngagementState.FAULT):
            self.fail(self._watch.lost(reason))

    def admit(self, command: Command, *, pose: NDArray[np.float32] | None, now_ns: int) -> Floats | None:
        """Return what the robot is to be sent for a command, or None for nothing.

        In FAULT that is what keeps the robot still: the last action where actions are absolute, else the bundle's safe
        action. It is nothing where nothing had been sent before the fault, as after a first action that was refused:
        whatever holds the robot then should go on holding it.

        Args:
            command: This period's.
            pose: Shape (A,), where the robot is now in the action's units; None where nobody knows, or where actions
                are not absolute. Looked at in CHECKING alone.
            now_ns: Monotonic.

        Returns:
            Shape (A,), float32, read-only, inside the limits; or None.

        Raises:
            ProtocolError: The pose has another shape than an action.
        """
        if pose is not None and pose.shape != self._safe.shape:
            raise ProtocolError(f"Pose: expected shape {self._safe.shape}, that of an action, found {pose.shape}.")
        if self.state is EngagementState.DISENGAGED:
            return None
        if pose is None and self._settings.assume_at_safe:
            pose = self._safe
        if self.state is not EngagementState.FAULT:
            self.fail(self._fault_in(command, pose))
        if self.state is EngagementState.FAULT:
            return self._stillness()
        if self.state is EngagementState.CHECKING:
            self._begin_blend(pose, now_ns)
        return self._follow(command, now_ns)

    def parting_action(self) -> Floats | None:
        """Return the action to send last, before nobody sends any more; None where none is needed.

        An absolute action is reached and held by the robot; a change, a velocity or a torque should not be the last
        word.
        """
        return None if self._absolute else self._stillness()

    def _fault_in(self, command: Command, pose: Floats | None) -> str:
        if not np.isfinite(command.action).all():
            return f"Expected a finite action, found {command.action}; check the bundle with `vgf-robot inspect`."
        if self.state is EngagementState.CHECKING and (sentence := self._first.fault(command, pose)):
            return sentence
        return self._watch.command(command)

    def _begin_blend(self, pose: Floats | None, now_ns: int) -> None:
        start = pose.astype(np.float32) if self._absolute and pose is not None else self._safe
        blend_ns = round(self._settings.blend_s * 1e9)
        self._blend = Blend(start, blend_ns=blend_ns, period_ns=self._limits.period_ns, now_ns=now_ns)
        self._sent = start
        self.state = EngagementState.BLENDING_IN

    def _follow(self, command: Command, now_ns: int) -> Floats:
        action = command.action
        if self._blend is not None:
            self._blend.advance(now_ns, fresh=command.rung.fresh)
            action = self._blend.mix(action)
            if self._blend.done:
                self._blend = None
                self.state = EngagementState.ENGAGED
        return self._send(action)

    def _stillness(self) -> Floats | None:
        if self._sent is None:
            return None
        return self._send(self._sent if self._absolute else self._safe)

    def _send(self, action: Floats) -> Floats:
        # The controller has limited its own actions, but a mixture, or what follows a fault, is not one of them.
        self._sent, _ = self._limits.apply(action, self._sent, self._limits.period_ns)
        return self._sent

    def _start_over(self, state: EngagementState) -> None:
        self.state = state
        self.reason = ""
        self._watch = Watch(self._settings)
        self._blend = None
        self._sent = None
