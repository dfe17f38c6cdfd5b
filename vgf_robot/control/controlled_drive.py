"""The fixed-rate loop as something that is controlled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from vgf_robot.control.messages import Robot, State
from vgf_robot.control.report import state_of
from vgf_robot.controller import Ceilings
from vgf_robot.drive.drive import Drive
from vgf_robot.engagement import EngagementError
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.messages import Instruction

ROBOT = "robot"


@final
class ControlledDrive:
    """`Controlled` around a loop and its one robot.

    Args:
        drive: Running, in the thread that the calls are made from.
        bundle_sha256: Hash of the bundle that it runs.
        counters: Returns what its ports have counted.
    """

    def __init__(self, drive: Drive, *, bundle_sha256: str, counters: Callable[[], Mapping[str, int]]) -> None:
        self._drive = drive
        self._bundle_sha256 = bundle_sha256
        self._counters = counters

    @property
    def ceilings(self) -> Ceilings:
        """What no tick goes beyond."""
        return self._drive.controller.ceilings

    def set_ceilings(self, ceilings: Ceilings) -> None:
        """Put other ceilings in force."""
        self._drive.controller.set_ceilings(ceilings)

    def instruct(self, action: Instruction, robot: str | None) -> None:
        """Ask for another state of the robot's engagement."""
        if robot not in (None, ROBOT):
            raise RefusedError(
                ErrorKind.ENGAGEMENT, expected=f"'{ROBOT}', the one there is", found=repr(robot), advice="leave it out"
            )
        try:
            self._drive.instruct(action)
        except EngagementError as error:
            raise RefusedError(
                ErrorKind.ENGAGEMENT,
                expected="no fault",
                found=f"one: {self._drive.engagement.reason.rstrip('.')}",
                advice="clear it before engaging again",
            ) from error

    def reload(self) -> None:
        """Refuse: a loop that would wait for graphs to load would leave its robot without actions."""
        raise RefusedError(
            ErrorKind.MISMATCH,
            expected="a server",
            found="a loop that drives one robot",
            advice="stop it and start it again with the other bundle",
        )

    def stop(self) -> None:
        """End after the period under way."""
        self._drive.stop()

    def state(self, sequence: int) -> State:
        """Return how things stand."""
        drive = self._drive
        robot = Robot(name=ROBOT, id=ROBOT, engagement=drive.engagement.state, reason=drive.engagement.reason)
        return state_of(
            drive.controller,
            budget=drive.budget,
            sequence=sequence,
            role="drive",
            bundle_sha256=self._bundle_sha256,
            counters={**drive.tally.counters, **self._counters()},
            robots=(robot,),
        )
