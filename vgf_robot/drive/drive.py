"""The loop: newest observation in, one action out, every control period."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Command, Controller, Reason
from vgf_robot.drive.actuator import Actuator, DriveCommand
from vgf_robot.drive.freshness import Freshness
from vgf_robot.drive.grid import Grid, GridPoint
from vgf_robot.drive.sensor import Sensed, Sensor
from vgf_robot.drive.settings import DriveSettings
from vgf_robot.drive.tally import Tally
from vgf_robot.engagement import Engagement


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
        clock: Monotonic nanoseconds, the clock of the controller and of the observations.
        sleep: Sleeps for a time in seconds, or for longer.

    Attributes:
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
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.engagement = engagement
        self.period_ns = round(controller.manifest.control_period_s * 1e9)
        self.tally = Tally()
        self._controller = controller
        self._sensor = sensor
        self._actuator = actuator
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._deadline_ns = round(settings.deadline_share * self.period_ns)
        max_age = settings.max_age_periods
        self._freshness = Freshness(
            max_age_ns=None if max_age is None else round(max_age * self.period_ns), max_repeats=settings.max_repeats
        )
        self._episode = controller.begin_episode(settings.seed)
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
                after_period(self._clock())
        finally:
            self._part()

    def stop(self) -> None:
        """Ask the loop to end after the period; safe to call from a signal handler."""
        self._stopping = True

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
        command = self._command(sensed, point)
        ready_ns = self._clock()
        action = self.engagement.admit(command, pose=sensed.pose, now_ns=ready_ns)
        grid.sleep_until(due_ns)
        release_ns = None if action is None else self._send(action, command, sensed) - due_ns
        in_time = ready_ns <= deadline_ns
        self.tally.period(point, command, self.engagement.state, in_time=in_time, release_ns=release_ns)

    def _command(self, sensed: Sensed, point: GridPoint) -> Command:
        """Return this period's command: of a tick, or of the ladder where there can be none or it took too long."""
        controller, episode, settings = self._controller, self._episode, self._settings
        if complaint := self._freshness.complaint(sensed, self._clock()):
            self.tally.counters["stale"] += 1
            self.engagement.lost(complaint)
            return controller.fall_back(episode, Reason.STALE_OBSERVATION)
        deadline_ns = point.at_ns + self._deadline_ns - 1000 * settings.handover_us
        command = controller.tick(episode, sensed.observation, deadline_ns, settings.budget)
        if command.rung.fresh and self._clock() >= point.at_ns + self.period_ns:
            return controller.fall_back(episode, Reason.OVERRAN)
        return command

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
            self._send(action, self._controller.fall_back(self._episode, Reason.ENDING), None)
            self.tally.counters["sent"] += 1
