"""Plants with faults: around the plant that has none, one for its sensors, one for its motors, one for its body."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.faults.action import ActionDelay, ActionFault, Effect, Motors
from sim.faults.model import InitialPose, ModelFault
from sim.faults.model_snapshot import ModelSnapshot
from sim.faults.observation import ObservationFault, Senses
from sim.faults.severity import fault_generator
from sim.plants.around import PlantAround
from sim.plants.engine import mujoco
from sim.plants.plant import DivisiblePlant, Transition
from vgf_robot.errors import PlantError

Floats = NDArray[np.float32]


@final
class SensorFaultPlant(PlantAround):
    """A plant that is observed badly; rewards and success are those of what is."""

    def __init__(
        self, plant: DivisiblePlant, faults: Sequence[ObservationFault], severity: float, senses: Senses
    ) -> None:
        super().__init__(plant)
        self._faults = faults
        self._severity = severity
        self._senses = senses
        self._effects: list[Effect] = []

    def reset(self, seed: int) -> Floats:
        """Begin an episode, its faults drawn anew."""
        self._effects = [
            fault.effect(self._severity, self._senses, fault_generator(seed, fault)) for fault in self._faults
        ]
        return self._worse(self._plant.reset(seed))

    def apply(self, action: Floats | None) -> Transition:
        """Simulate what is left of the control period."""
        transition = self._plant.apply(action)
        return replace(transition, observation=self._worse(transition.observation))

    def _worse(self, observation: Floats) -> Floats:
        for effect in self._effects:
            observation = effect(observation)
        return observation


@final
class MotorFaultPlant(PlantAround):
    """A plant that does not do quite what it is told, or does it late."""

    def __init__(
        self,
        plant: DivisiblePlant,
        delay: ActionDelay | None,
        faults: Sequence[ActionFault],
        severity: float,
        motors: Motors,
    ) -> None:
        super().__init__(plant)
        self._faults = faults
        self._severity = severity
        self._motors = motors
        self._delay = 0 if delay is None else delay.num_substeps(severity, motors.period_s, plant.num_substeps)
        self._effects: list[Effect] = []
        self._waiting: deque[tuple[int, Floats]] = deque()
        self._now = 0
        self._left = plant.num_substeps

    def reset(self, seed: int) -> Floats:
        """Begin an episode; where actions are delayed, the one at rest comes first."""
        self._effects = [fault.effect(self._severity, self._motors) for fault in self._faults]
        self._waiting = deque([(0, self._motors.rest)] if self._delay else [])
        self._now, self._left = 0, self.num_substeps
        return self._plant.reset(seed)

    def apply_part(self, action: Floats | None, num_substeps: int) -> None:
        """Simulate a part of the control period, itself in parts where actions take effect in the middle of it."""
        in_force = self._simulate_until_last(action, num_substeps)
        self._plant.apply_part(in_force, num_substeps - self._simulated)

    def apply(self, action: Floats | None) -> Transition:
        """Simulate what is left of the control period."""
        in_force = self._simulate_until_last(action, self._left)
        self._left = self.num_substeps
        return self._plant.apply(in_force)

    def _simulate_until_last(self, action: Floats | None, num_substeps: int) -> Floats | None:
        """Simulate up to the last action that takes effect in a part, and return that action."""
        if action is not None:
            self._waiting.append((self._now + self._delay, action))
        end, began, in_force = self._now + num_substeps, self._now, None
        # One that is due at the end of a part of no length is due now.
        while self._waiting and (self._waiting[0][0] < end or self._waiting[0][0] <= began):
            due, waiting = self._waiting.popleft()
            if due > self._now or in_force is not None:
                self._plant.apply_part(in_force, due - self._now)
            in_force, self._now = self._disturbed(waiting), due
        self._simulated = self._now - began
        self._now, self._left = end, self._left - num_substeps
        return in_force

    def _disturbed(self, action: Floats) -> Floats:
        for effect in self._effects:
            action = effect(action)
        return action


@final
class ModelFaultPlant(PlantAround):
    """A plant whose model is not what it was; `restore` sets the model back for whoever uses it next."""

    def __init__(self, plant: DivisiblePlant, faults: Sequence[ModelFault], severity: float) -> None:
        super().__init__(plant)
        self._faults = faults
        self._severity = severity
        self._before: ModelSnapshot | None = None

    def reset(self, seed: int) -> Floats:
        """Begin an episode of the plant as it is, and change it then, so that each episode is changed by itself.

        Raises:
            PlantError: The model lacks what a fault changes.
        """
        self.restore()
        self._plant.reset(seed)
        physics = self._plant.physics()
        self._before = ModelSnapshot(physics.model)
        for fault in self._faults:
            if physics.kinematic and not isinstance(fault, InitialPose):
                raise PlantError(
                    f"{type(fault).__name__}: actions put the robot of '{self.environment_id}' in its place, "
                    "whatever acts on it; leave this fault out for this plant."
                )
            fault.disturb(physics, self._severity, fault_generator(seed, fault))
        mujoco().mj_forward(physics.model, physics.data)
        return physics.observe()

    def restore(self) -> None:
        """Set the model back."""
        if self._before is not None:
            self._before.restore()
            self._before = None
