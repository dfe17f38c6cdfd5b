"""A plant without physics, a driver without graphs and a clock that only moves when told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery
from sim.plants import Physics, Transition
from sim.plants.misuse import require_part, require_sense
from vgf_robot.controller import Budget, Command, Reason, Rung, Status, Timings
from vgf_robot.errors import PlantError


class FakePlant:
    """Reach the goal that the observation names: the reward is minus the distance of the action from it.

    It fits `tests.bundles.make_bundle`, whose best action is the goal itself. Of a divided period the mean action
    counts, over its physics steps; the observation ends with the first entry of that.
    """

    environment_id = "Test-v0"
    control_period_s = 0.05
    num_substeps = 5
    observation_size = 3
    action_size = 2

    def __init__(self, num_periods: int = 5) -> None:
        self.action_low = np.full(2, -2.0, np.float32)
        self.action_high = np.full(2, 2.0, np.float32)
        self.num_periods = num_periods
        self.applied: list[NDArray[np.float32]] = []
        self.closed = False
        self._goal = np.zeros(2, np.float32)
        self._begin_period()
        self._in_force = np.zeros(2, np.float32)

    def reset(self, seed: int) -> NDArray[np.float32]:
        self._goal = np.random.default_rng(seed).uniform(-1, 1, 2).astype(np.float32)
        self.applied = []
        self._in_force = np.zeros(2, np.float32)
        self._begin_period()
        return np.append(self._goal, np.float32(0))

    def apply_part(self, action: NDArray[np.float32] | None, num_substeps: int) -> None:
        require_sense(self.environment_id, action, self.action_size, under_way=True)
        require_part(self.environment_id, num_substeps, self._left)
        self._in_force = self._in_force if action is None else np.array(action)
        self._sum += np.float64(num_substeps) * self._in_force
        self._left -= num_substeps

    def apply(self, action: NDArray[np.float32] | None) -> Transition:
        self.apply_part(action, self._left)
        mean = (self._sum / self.num_substeps).astype(np.float32)
        self._begin_period()
        self.applied.append(mean)
        distance = float(np.linalg.norm(mean - self._goal))
        done = len(self.applied) == self.num_periods
        observation = np.append(self._goal, mean[0])
        return Transition(observation=observation, reward=-distance, success=done and distance < 0.2, done=done)

    def physics(self) -> Physics:
        raise PlantError(f"'{self.environment_id}' has no MuJoCo model.")

    def render(self) -> NDArray[np.uint8] | None:
        return None

    def close(self) -> None:
        self.closed = True

    def _begin_period(self) -> None:
        self._left = self.num_substeps
        self._sum = np.zeros(2)


def open_fake(environment_id: str) -> FakePlant:
    assert environment_id == "Test-v0"
    return FakePlant()


class FakeClock:
    """Time in nanoseconds that passes in `sleep_until` and where a test says so."""

    def __init__(self) -> None:
        self.time_ns = 1_000_000_000

    def now_ns(self) -> int:
        return self.time_ns

    def sleep_until(self, moment_ns: int) -> None:
        self.time_ns = max(self.time_ns, moment_ns)


class FakeDriver:
    """Answers with the action (k, 0) for its k-th request, after a delay that a test chooses."""

    def __init__(
        self,
        clock: FakeClock,
        delays_ms: Iterable[float],
        rung: Callable[[int], Rung] = lambda _: Rung.TRANSPORT,
        silent: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.asked_ns: list[int] = []
        self.deadlines_ns: list[int | None] = []
        self.seeds: list[int] = []
        self._clock = clock
        self._delays_ms = iter(delays_ms)
        self._rung = rung
        self._silent = silent

    def prepare(self, budget: Budget) -> None:
        pass

    def begin_episode(self, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        number = len(self.asked_ns) + 1
        self.asked_ns.append(self._clock.time_ns)
        self.deadlines_ns.append(deadline_ns)
        self._clock.time_ns += round(next(self._delays_ms) * 1e6)
        if self._silent(number):
            return None
        return Delivery(command=make_command(number, self._rung(number)), valid_for_ns=100_000_000, round_trip_ns=None)

    def close(self) -> None:
        pass


def make_command(number: int, rung: Rung) -> Command:
    return Command(
        action=np.array([number, 0], np.float32),
        status=Status.ON_TIME if rung is Rung.TRANSPORT else Status.FALLBACK,
        rung=rung,
        reason=Reason.COMPLETE if rung is Rung.TRANSPORT else Reason.NO_TIME_FOR_REFERENCE,
        steps=2 if rung is Rung.TRANSPORT else 0,
        value=0.0,
        spread=0.0,
        displacement=0.1 if rung is Rung.TRANSPORT else None,
        limited=0.0,
        timings=Timings(reference_ns=1_000_000, step_ns=(500_000, 500_000), select_ns=0, tick_ns=3_000_000),
    )
