"""The stages of a tick against its deadline.

Before each stage the clock is read: what remains until the deadline must hold the stage and the selection after it,
and for a step the margin too: going without one costs a little value, going without a reference or a selection the
whole tick. No check depends on how many steps are still wanted, so less time never gives more steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Selected
from vgf_robot.bundle import OperatingPoint
from vgf_robot.controller.command import Reason
from vgf_robot.controller.episode import Episode
from vgf_robot.controller.noise import value_weight
from vgf_robot.controller.variant import PreparedVariant

Floats = NDArray[np.float32]
NO_DEADLINE_NS = 2**63 - 1  # 292 years of a monotonic clock


@dataclass(slots=True, kw_only=True)
class Stages:
    """The stages of one tick: each runs if it fits, and says how long it took.

    Attributes:
        variant: The graphs to use.
        point: The setting to run at.
        episode: Gives the noise.
        observation: Shape (O,), float32.
        deadline_ns: Absolute, on the clock; `NO_DEADLINE_NS` for none.
        steps_until_ns: No step may make the tick end later; `NO_DEADLINE_NS` where nobody else waits.
        clock: Returns monotonic nanoseconds.
        between_stages: Called before each stage.
        reference_ns: Time spent in the reference.
        step_ns: Time spent in each step.
        select_ns: Time spent in selections.
        cut_short: Whether a step was wanted and did not fit.
        satisfied: Whether a step was left out because the one before had gained too little.
        refused: Whether the stage before did not run, so that the caller was asked a moment ago.
    """

    variant: PreparedVariant
    point: OperatingPoint
    episode: Episode
    observation: Floats
    deadline_ns: int
    steps_until_ns: int
    clock: Callable[[], int]
    between_stages: Callable[[], object] | None
    reference_ns: int = 0
    step_ns: list[int] = field(default_factory=list[int])
    select_ns: int = 0
    cut_short: bool = False
    satisfied: bool = False
    refused: bool = False

    def draw(self) -> Floats | None:
        """Return particles of the reference policy, shape (N, A), or None where there is no time for them."""
        variant, costs = self.variant, self.variant.costs
        now_ns = self._before_stage()
        needed_ns = (costs.reference.estimate_ns or 0) + (costs.select.estimate_ns or 0)
        if not now_ns + needed_ns < self.deadline_ns:
            self.refused = True
            if now_ns < self.deadline_ns:
                costs.reference.skip()
                self._skip_select_unless_rescored()
            return None
        self.episode.noise.fill_particles(self.episode.tick, variant.noise)
        particles = variant.graphs.reference(self.observation, variant.noise)
        self.reference_ns = self.clock() - now_ns
        costs.reference.record(self.reference_ns)
        return particles

    def transport(self, origin: Floats) -> tuple[Floats, Floats]:
        """Move the particles while steps are wanted and fit; return them with their displacement, (N, A) and (N,)."""
        variant, point, costs, clock = self.variant, self.point, self.variant.costs, self.clock
        particles, displacement = origin, variant.no_displacement
        first_moment = second_moment = variant.zeros
        max_distance = math.inf if point.max_distance is None else point.max_distance
        best = -math.inf
        for index in range(point.max_steps):
            if self.satisfied:
                break
            now_ns = self._before_stage()
            in_time = self._step_fits(now_ns)
            if not in_time or not self._leaves_time_for_others(now_ns):
                self.cut_short = self.refused = True
                if not in_time and now_ns < self.deadline_ns:
                    costs.step.skip()
                break
            result = variant.graphs.step(
                self.observation, particles, origin, first_moment, second_moment, index, point.step_size, max_distance
            )
            duration_ns = clock() - now_ns
            self.step_ns.append(duration_ns)
            costs.step.record(duration_ns)
            particles, displacement = result.moved, result.displacement
            first_moment, second_moment = result.first_moment, result.second_moment
            if point.min_gain is not None and result.values is not None:
                # The values are those before the step, so what a step gained is known one step later.
                value = float(result.values.max())
                self.satisfied, best = value - best < point.min_gain, value
        return particles, displacement

    def select(self, variant: PreparedVariant, particles: Floats) -> Selected | Reason:
        """Choose one particle, or say why not."""
        cost, point = variant.costs.select, self.point
        now_ns = self._before_stage()
        if now_ns + (cost.estimate_ns or 0) > self.deadline_ns:
            if now_ns < self.deadline_ns:
                cost.skip()
            return Reason.NO_TIME_FOR_SELECT
        self.episode.noise.fill_selection(self.episode.tick, point.selection, variant.selection_noise)
        weight = value_weight(point.selection, point.temperature)
        selected = variant.graphs.select(self.observation, particles, variant.selection_noise, weight)
        duration_ns = self.clock() - now_ns
        self.select_ns += duration_ns
        cost.record(duration_ns)
        finite = np.isfinite(selected.action).all() and math.isfinite(selected.values[selected.index])
        return selected if finite else Reason.NON_FINITE_ACTION

    def learn_from_deadline(self, *, missed: bool) -> None:
        """Move the margin by how the tick ended, unless it was not the steps' to decide."""
        free_to_step = self.point.max_steps > 0 and self.deadline_ns != NO_DEADLINE_NS
        if free_to_step and (self.step_ns or not missed):
            self.variant.margin = self.variant.margin.after(avoidable_miss=missed)

    def _before_stage(self) -> int:
        """Let the caller do what cannot wait, then return the time in nanoseconds."""
        if self.between_stages is not None and not self.refused:
            self.between_stages()
        self.refused = False
        return self.clock()

    def _step_fits(self, now_ns: int) -> bool:
        """Return whether a step and the selection after it end before the deadline, with the margin to spare."""
        costs, margin_ns = self.variant.costs, self.variant.margin.ns
        step_ns, select_ns = costs.step.estimate_ns, costs.select.estimate_ns or 0
        if step_ns is None:  # tried so that it becomes known, as long as what is known fits
            return now_ns + select_ns < self.deadline_ns
        return now_ns + step_ns + select_ns + margin_ns <= self.deadline_ns

    def _leaves_time_for_others(self, now_ns: int) -> bool:
        """Return whether a step and the selection after it end before others have their turn."""
        costs = self.variant.costs
        return now_ns + (costs.step.estimate_ns or 0) + (costs.select.estimate_ns or 0) <= self.steps_until_ns

    def _skip_select_unless_rescored(self) -> None:
        """Let an overestimated selection age too, where the ladder will not look at it in this tick."""
        remembered = self.episode.remembered
        if remembered is None or remembered.variant is not self.variant:
            self.variant.costs.select.skip()
