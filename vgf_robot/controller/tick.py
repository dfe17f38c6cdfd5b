"""One tick: what the stages and the ladder make of an observation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Selected
from vgf_robot.controller.command import Command, Reason, Rung, Status, Timings
from vgf_robot.controller.episode import Episode, Remembered
from vgf_robot.controller.limits import Limits
from vgf_robot.controller.stages import NO_DEADLINE_NS, Stages

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is the same in every tick of one robot.

    Attributes:
        limits: Of the action.
        rungs: The legal fallbacks, best first.
        safe_action: Shape (A,), the last of them.
        max_rescored_age_ticks: How old particles may be that are scored again.
        clock: Returns monotonic nanoseconds.
    """

    limits: Limits
    rungs: tuple[Rung, ...]
    safe_action: Floats
    max_rescored_age_ticks: int
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A tick in progress; `run` is called once.

    Attributes:
        rules: Of the robot.
        stages: Of this tick.
        episode: Brought up to date when the command is made.
        num_outside: Entries of the observation outside the range seen in training.
        started_ns: When the tick began.
    """

    rules: Rules
    stages: Stages
    episode: Episode
    num_outside: int
    started_ns: int

    def run(self) -> Command:
        """Return the command: from the graphs where time and numbers allow, else from the ladder."""
        stages, episode = self.stages, self.episode
        episode.forget_old_particles(
            self.started_ns,
            max_age_ticks=self.rules.max_rescored_age_ticks,
            period_ns=self.rules.limits.period_ns,
        )
        # A value that is not finite is outside every range, so most ticks are spared the second look.
        if self.num_outside and not np.isfinite(stages.observation).all():
            return self.fall_back(Reason.NON_FINITE_OBSERVATION)
        origin = stages.draw()
        if origin is None:
            return self.fall_back(Reason.NO_TIME_FOR_REFERENCE)
        particles, displacement = stages.transport(origin)
        selected = stages.select(stages.variant, particles)
        if isinstance(selected, Reason):
            return self.fall_back(selected)
        if np.isfinite(particles).all():
            episode.remembered = Remembered(
                episode.tick, self.started_ns, stages.variant, particles.copy(), displacement.copy()
            )
        rung = Rung.TRANSPORT if stages.step_ns else Rung.REFERENCE
        reason = Reason.COMPLETE
        if stages.cut_short:
            reason = Reason.NO_TIME_FOR_STEP
        elif stages.satisfied and len(stages.step_ns) < stages.point.max_steps:
            reason = Reason.GAINED_TOO_LITTLE
        return self._scored(selected, displacement, rung, reason)

    def fall_back(self, reason: Reason) -> Command:
        """Return the best rung of the ladder that can be reached."""
        episode = self.episode
        for rung in self.rules.rungs:
            if rung is Rung.RESCORED:
                command = self._rescored(reason)
                if command is not None:
                    return command
            elif rung is Rung.HOLD and episode.previous_action is not None:
                return self._unscored(episode.previous_action, rung, reason)
        return self._unscored(self.rules.safe_action, Rung.SAFE, reason)

    def _rescored(self, reason: Reason) -> Command | None:
        remembered = self.episode.remembered
        needs_what_failed = reason in (Reason.NON_FINITE_OBSERVATION, Reason.NO_TIME_FOR_SELECT)
        if remembered is None or needs_what_failed:
            return None
        selected = self.stages.select(remembered.variant, remembered.particles)
        if isinstance(selected, Reason):
            return None
        return self._scored(selected, remembered.displacement, Rung.RESCORED, reason)

    def _scored(self, selected: Selected, displacement: Floats, rung: Rung, reason: Reason) -> Command:
        index = selected.index
        value, distance = float(selected.values[index]), float(displacement[index])
        return self._command(selected.action, rung, reason, value, selected.spread, distance)

    def _unscored(self, action: Floats, rung: Rung, reason: Reason) -> Command:
        return self._command(action, rung, reason, None, None, None)

    def _command(
        self,
        action: Floats,
        rung: Rung,
        reason: Reason,
        value: float | None,
        spread: float | None,
        displacement: float | None,
    ) -> Command:
        """Apply the limits, bring the episode up to date and say how the tick ended."""
        episode, stages, limits, now_ns = self.episode, self.stages, self.rules.limits, self.rules.clock()
        # Without a deadline the robot's time is not the clock's: a simulation steps one period per tick.
        passed_ns = now_ns - episode.commanded_ns if stages.deadline_ns != NO_DEADLINE_NS else limits.period_ns
        limited_action, limited = limits.apply(action, episode.previous_action, passed_ns)
        episode.previous_action, episode.commanded_ns = limited_action, now_ns
        episode.tick += 1
        ended_ns = self.rules.clock()
        stages.learn_from_deadline(missed=not rung.fresh or ended_ns > stages.deadline_ns)
        if rung.fresh and ended_ns > stages.deadline_ns:
            status, reason = Status.LATE, Reason.OVERRAN
        elif rung in (Rung.TRANSPORT, Rung.REFERENCE):
            status = Status.TRUNCATED if stages.cut_short else Status.ON_TIME
        else:
            status = Status.FALLBACK
        return Command(
            action=limited_action,
            status=status,
            rung=rung,
            reason=reason,
            steps=len(stages.step_ns),
            value=value,
            spread=spread,
            displacement=displacement,
            limited=limited,
            num_outside=self.num_outside,
            timings=Timings(
                reference_ns=stages.reference_ns,
                step_ns=tuple(stages.step_ns),
                select_ns=stages.select_ns,
                tick_ns=ended_ns - self.started_ns,
            ),
        )
