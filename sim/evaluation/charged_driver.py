"""The controller in this process on the simulation's clock: it computes what it computes, and is charged for it."""

from __future__ import annotations

import time
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery
from sim.evaluation.simulated_clock import SimulatedClock
from sim.evaluation.stage_times import StageTimes
from vgf_robot.backends import Graphs, Selected, StepResult
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller, ControllerSettings, resolve
from vgf_robot.receipts import load_trusted
from vgf_robot.wire import ServeSettings

Floats = NDArray[np.float32]
DEFAULT_SETTINGS = ControllerSettings()


@final
class ChargedDriver:
    """A `Driver` whose answers take simulated time, and the `Clock` of its loop, which wakes up late as recorded.

    Every episode has a controller of its own, so that what it has learned of the device's speed does not depend on
    which episodes were run before it. The graphs are shared.
    """

    def __init__(
        self,
        bundle: Bundle,
        backend: str,
        threads: int,
        clock: SimulatedClock,
        times: StageTimes,
        settings: ControllerSettings = DEFAULT_SETTINGS,
    ) -> None:
        """Make a driver; graphs are loaded by `prepare`.

        Args:
            bundle: What to run.
            backend: Name of the backend.
            threads: Threads of the backend.
            clock: The simulation's.
            times: What is charged.
            settings: How the controller estimates time.
        """
        self._bundle = bundle
        self._opener = load_trusted(backend)
        self._threads = threads
        self._clock = clock
        self._times = times
        self._settings = settings
        self._graphs: dict[tuple[int, int], Graphs] = {}
        self._period_ns = round(bundle.manifest.control_period_s * 1e9)
        self._valid_for_ns = round(ServeSettings().valid_for_periods * self._period_ns)
        self._budget = Budget()
        self.prepare(self._budget)

    def prepare(self, budget: Budget) -> None:
        """Load the graphs for this budget's N, unless they are loaded."""
        self._budget = budget
        if self._key() not in self._graphs:
            graphs = self._opener(self._bundle, self._bundle.variant(*self._key(), None), threads=self._threads)
            self._graphs[self._key()] = _ChargedGraphs(graphs, self._clock, self._times)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode with a controller that knows the device as if it had run there for a while."""
        self._controller, self._seed = self._fresh(), seed
        self._clock.give_core_back()
        self._times.begin_episode(self._controller, self._budget, seed)
        self._episode = self._controller.begin_episode(seed)
        self._knows_margin, self._began_ns = False, self._clock.now_ns()

    def now_ns(self) -> int:
        """Return the simulation's time in nanoseconds."""
        return self._clock.now_ns()

    def sleep_until(self, moment_ns: int) -> None:
        """Let the time pass until a grid point, and what passes before the controller can be asked."""
        self._clock.sleep_until(moment_ns)
        period = (moment_ns - self._began_ns) // self._period_ns
        self._clock.charge(self._times.begin_period(period))
        self._grid_ns, self._woke_ns = moment_ns, self._clock.now_ns()
        for after_ns, length_ns in self._times.interruptions():
            self._clock.take_core(self._woke_ns + after_ns, length_ns)

    def crash(self) -> None:
        """Nobody asks until `recover`, and that makes another one."""

    def recover(self) -> None:
        """Go on with a controller that knows nothing; its warm-up is charged."""
        self._controller = self._fresh()
        self._controller.warm_up()
        self._episode = self._controller.begin_episode(self._seed)

    def act(self, observation: Floats, budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action; the simulation's clock passes meanwhile."""
        # A request that was under way came over a connection, whose margin the recording has not taught.
        if not self._knows_margin and deadline_ns is not None and self._clock.now_ns() == self._woke_ns:
            self._times.recall_margin(self._controller, self._budget, deadline_ns - self._grid_ns)
        self._knows_margin = True
        began_ns = time.monotonic_ns()
        command = self._controller.tick(self._episode, observation, deadline_ns, budget)
        self._times.end_tick(time.monotonic_ns() - began_ns)
        return Delivery(command=command, valid_for_ns=self._valid_for_ns, round_trip_ns=None)

    def close(self) -> None:
        """Nothing is held beyond memory."""

    def _fresh(self) -> Controller:
        graphs = {self._key(): self._graphs[self._key()]}
        return Controller(self._bundle.manifest, graphs, self._settings, self._clock)

    def _key(self) -> tuple[int, int]:
        point = resolve(self._budget, self._bundle.manifest)
        return point.num_particles, point.reference_steps


@final
class _ChargedGraphs:
    """Graphs that charge the clock when they have run."""

    def __init__(self, graphs: Graphs, clock: SimulatedClock, times: StageTimes) -> None:
        self._graphs = graphs
        self._clock = clock
        self._times = times

    def reference(self, observation: Floats, noise: Floats) -> Floats:
        """Draw particles."""
        began_ns = time.monotonic_ns()
        particles = self._graphs.reference(observation, noise)
        self._clock.charge(self._times.reference(time.monotonic_ns() - began_ns))
        return particles

    def step(
        self,
        observation: Floats,
        particles: Floats,
        origin: Floats,
        first_moment: Floats,
        second_moment: Floats,
        step_index: int,
        step_size: float,
        max_distance: float,
    ) -> StepResult:
        """Move the particles once."""
        began_ns = time.monotonic_ns()
        result = self._graphs.step(
            observation, particles, origin, first_moment, second_moment, step_index, step_size, max_distance
        )
        self._clock.charge(self._times.step(step_index, time.monotonic_ns() - began_ns))
        return result

    def select(self, observation: Floats, particles: Floats, selection_noise: Floats, value_weight: float) -> Selected:
        """Choose a particle."""
        began_ns = time.monotonic_ns()
        selected = self._graphs.select(observation, particles, selection_noise, value_weight)
        self._clock.charge(self._times.select(time.monotonic_ns() - began_ns))
        return selected
