"""The loop: newest observation in, one action out, every control period."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Budget, Command, Controller, KeepWarm, Reason
from vgf_robot.drive.actuator import Actuator, DriveCommand
from vgf_robot.drive.decider import Decided, Decider
from vgf_robot.drive.driven_period import DrivenPeriod
from vgf_robot.drive.freshness import Freshness
from vgf_robot.drive.grid import Grid, GridPoint
from vgf_robot.drive.sensor import Sensed, Sensor
from vgf_robot.drive.settings import DriveSettings
from vgf_robot.drive.tally import Tally
from vgf_robot.engagement import Engagement, EngagementState
from vgf_robot.wire.messages import Instruction


@final
class Drive:
    """Drives one robot with one controller, in the calling thread.

    A period that is over before it could begin is skipped and never made up for. An observation that is stale goes
    down the controller's ladder, and so does an action that is not there when its period ends: by then it would answer
    what the robot was like a period ago.

    Args:
        controller: Warmed up, and prepared for the budget of the settings.
        engagement: Decides what the robot is sent.
        sensor: Where observations come from.
        actuator: Where actions go.
        settings: The loop's.
        on_period: Called with every period after its action has left; must be quick.
        clock: Monotonic nanoseconds, the clock of the controller and of the observations.
        sleep: Sleeps for a time in seconds, or for longer.

    Attributes:
        controller: As given.
        engagement: As given.
        period_ns: One control period.
        tally: What has happened so far.
    """

    def __init__(
        self,
        *,
        controller: Controller,
        engagement: Engagement,
        sensor: Sensor,
        actuator: Actuator,
        settings: DriveSettings,
        on_period: Callable[[DrivenPeriod], object] = lambda period: None,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.controller = controller
        self.engagement = engagement
        self.period_ns = round(controller.manifest.control_period_s * 1e9)
        self.tally = Tally()
        self._sensor = sensor
        self._actuator = actuator
        self._settings = settings
        self._on_period = on_period
        self._clock = clock
        self._sleep = sleep
        self._deadline_ns = round(settings.deadline_share * self.period_ns)
        max_age = settings.max_age_periods
        self._freshness = Freshness(
            max_age_ns=None if max_age is None else round(max_age * self.period_ns), max_repeats=settings.max_repeats
        )
        self._decider = Decider(controller, controller.begin_episode(settings.seed), clock)
        self._keep_warm = KeepWarm(settings.realtime.keep_warm_s, clock)
        self._to_engage = settings.engage
        self._stopping = False

    def run(self, num_periods: int | None = None, after_period: Callable[[int], object] = lambda _: None) -> None:
        """Drive until `stop`, or for a number of periods; then send the action that should be the last, if any.

        Args:
            num_periods: Of the grid, skipped and waiting ones included; None for no end.
            after_period: Called after each period with the time in nanoseconds; must be quick.
        """
        grid = Grid(self.period_ns, self._clock, self._sleep)
        try:
            while True:
                point = grid.wait()
                if self._stopping or (num_periods is not None and point.index >= num_periods):
                    break
                self._drive_period(grid, point)
                self._keep_warm.turn(self.controller, self.budget)
                after_period(self._clock())
        finally:
            self._part()

    def stop(self) -> None:
        """Ask the loop to end after the period; safe to call from a signal handler."""
        self._stopping = True

    @property
    def budget(self) -> Budget:
        """What every tick asks for."""
        return self._settings.budget

    def instruct(self, action: Instruction) -> None:
        """Ask for another state of engagement: `engage`, `disengage`, or `clear` for an end of a fault.

        Before it is disengaged, the robot gets the action that should be the last, if any, as at the end of `run`.

        Raises:
            EngagementError: There is a fault, which has to be cleared before engaging.
        """
        engagement = self.engagement
        if action == "disengage":
            self._part()
        {"engage": engagement.engage, "disengage": engagement.disengage, "clear": engagement.clear}[action]()
        self._to_engage = False  # what the settings wanted at the first observation has been overtaken

    def _drive_period(self, grid: Grid, point: GridPoint) -> None:
        sensed = self._sensor.newest()
        if sensed is None:
            self.tally.wait()
            return
        if self._to_engage:
            self.engagement.engage()
            self._to_engage = False
        deadline_ns = point.at_ns + self._deadline_ns
        due_ns = deadline_ns if self._settings.release == "on-grid" else point.at_ns
        decided = self._decide(sensed, point)
        command = decided[-1].command
        ready_ns = self._clock()
        action = self.engagement.admit(command, pose=sensed.pose, now_ns=ready_ns)
        grid.sleep_until(due_ns)
        release_ns = None if action is None else self._send(action, command, sensed) - due_ns
        in_time = ready_ns <= deadline_ns
        self.tally.period(point, command, self.engagement.state, in_time=in_time, release_ns=release_ns)
        self._tell(sensed, decided, action, deadline_ns, in_time=in_time)

    def _decide(self, sensed: Sensed, point: GridPoint) -> tuple[Decided, ...]:
        """Return what this period's tick decided, and the ladder where there can be no tick or it took too long."""
        if complaint := self._freshness.complaint(sensed, self._clock()):
            self.tally.counters["stale"] += 1
            self.engagement.lost(complaint)
            return (self._decider.fall_back(Reason.STALE_OBSERVATION),)
        deadline_ns = point.at_ns + self._deadline_ns - 1000 * self._settings.handover_us
        ticked = self._decider.tick(sensed.observation, deadline_ns, self._settings.budget)
        self._keep_warm.ran()
        if ticked.command.rung.fresh and self._clock() >= point.at_ns + self.period_ns:
            return ticked, self._decider.fall_back_from(ticked, Reason.OVERRAN)
        return (ticked,)

    def _tell(
        self,
        sensed: Sensed | None,
        decided: tuple[Decided, ...],
        sent: NDArray[np.float32] | None,
        deadline_ns: int | None,
        *,
        in_time: bool,
    ) -> None:
        engagement = self.engagement
        fresh = decided[-1].command.rung.fresh and engagement.state is not EngagementState.FAULT
        self._on_period(
            DrivenPeriod(
                sensed=sensed,
                decided=decided,
                sent=sent,
                state=engagement.state,
                reason=engagement.reason,
                deadline_ns=deadline_ns,
                in_time=in_time and fresh,
            )
        )

    def _send(self, action: NDArray[np.float32], command: Command, sensed: Sensed | None) -> int:
        """Hand an action out, and return when."""
        self._actuator.send(
            DriveCommand(
                sequence=self.tally.counters["sent"],
                action=action,
                valid_for_ns=round(self._settings.valid_for_periods * self.period_ns),
                command=command,
                state=self.engagement.state,
                sensed=sensed,
            )
        )
        return self._clock()

    def _part(self) -> None:
        action = self.engagement.parting_action()
        if action is not None:
            decided = self._decider.fall_back(Reason.ENDING)
            self._send(action, decided.command, None)
            self.tally.counters["sent"] += 1
            self._tell(None, (decided,), action, None, in_time=False)
