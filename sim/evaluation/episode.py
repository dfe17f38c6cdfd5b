"""What one episode brought, and the log that is written while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.evaluation.driver import Delivery
from sim.plants import Transition
from vgf_robot.controller import Status

LATE_REPLY, NO_REPLY, SKIPPED_PERIOD = "late_reply", "no_reply", "skipped_period"


def episode_seeds(seed: int, index: int) -> tuple[int, int]:
    """Return the plant's and the controller's seed for an episode: the same whatever the setting or the worker.

    Args:
        seed: The evaluation's seed.
        index: The episode's number.
    """
    plant, controller = np.random.SeedSequence((seed, index)).generate_state(2)
    return int(plant), int(controller)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The outcome of one episode; small enough to travel between processes.

    Attributes:
        success: Whether the task was solved at any step; None where the environment knows rewards only.
        total_reward: The return, undiscounted.
        num_periods: Control periods it lasted: the denominator of the miss rate.
        num_misses: Periods without a fresh action by their deadline.
        steps: Transport steps of all periods together.
        fallbacks: Periods by the reason for which the ladder, or the receiver, chose the action.
        displacement: Displacement of each chosen particle that there was, in normalised action units.
        latencies_ms: Samples by name: `tick`, `reference`, `step`, `select`, `round_trip`.
        value_mean: Mean value of the chosen particles, as the critic has it; None where none was scored.
        data_distance_mean: Mean distance of the actions from the nearest of a dataset; None where there is none.
    """

    success: bool | None
    total_reward: float
    num_periods: int
    num_misses: int
    steps: int
    fallbacks: Mapping[str, int]
    displacement: tuple[float, ...]
    latencies_ms: Mapping[str, tuple[float, ...]]
    value_mean: float | None = None
    data_distance_mean: float | None = None


class EpisodeLog:
    """Counts while an episode runs."""

    def __init__(self) -> None:
        self._success: bool | None = None
        self._total_reward = 0.0
        self._num_periods = 0
        self._num_misses = 0
        self._steps = 0
        self._fallbacks: Counter[str] = Counter()
        self._displacement: list[float] = []
        self._values: list[float] = []
        self._data_distances: list[float] = []
        self._latencies_ms: dict[str, list[float]] = {}

    def period(self, transition: Transition) -> None:
        """Note what one control period brought; called once for every period."""
        self._num_periods += 1
        self._total_reward += transition.reward
        if transition.success is not None:
            self._success = bool(self._success) or transition.success

    def answer(self, answer: Delivery, *, in_time: bool) -> None:
        """Note an answer of the controller; one that came too late, or used nothing of the observation, is a miss."""
        command = answer.command
        self._steps += command.steps
        if command.displacement is not None:
            self._displacement.append(command.displacement)
        if command.value is not None:
            self._values.append(command.value)
        if answer.data_distance is not None:
            self._data_distances.append(answer.data_distance)
        self._note_latencies(answer)
        if not in_time:
            self.unanswered(LATE_REPLY)
            return
        self._num_misses += not command.rung.fresh
        if command.status is Status.FALLBACK:
            self._fallbacks[command.reason.value] += 1

    def unanswered(self, reason: str) -> None:
        """Note a period for which the receiver had to choose the action: a miss."""
        self._num_misses += 1
        self._fallbacks[reason] += 1

    def _note_latencies(self, answer: Delivery) -> None:
        timings = answer.command.timings
        stages = {"tick": (timings.tick_ns,), "step": timings.step_ns}
        # A stage that did not run took no time; it is no sample of its cost.
        stages |= {"reference": (timings.reference_ns,)} if timings.reference_ns else {}
        stages |= {"select": (timings.select_ns,)} if timings.select_ns else {}
        stages |= {"round_trip": (answer.round_trip_ns,)} if answer.round_trip_ns is not None else {}
        for name, samples_ns in stages.items():
            self._latencies_ms.setdefault(name, []).extend(sample_ns / 1e6 for sample_ns in samples_ns)

    def finish(self) -> Episode:
        """Return the outcome."""
        return Episode(
            success=self._success,
            total_reward=self._total_reward,
            num_periods=self._num_periods,
            num_misses=self._num_misses,
            steps=self._steps,
            fallbacks=dict(self._fallbacks),
            displacement=tuple(self._displacement),
            latencies_ms={name: tuple(samples) for name, samples in self._latencies_ms.items()},
            value_mean=float(np.mean(self._values)) if self._values else None,
            data_distance_mean=float(np.mean(self._data_distances)) if self._data_distances else None,
        )
