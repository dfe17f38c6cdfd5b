"""The physics of OGBench's own environments: arms that follow a pose, and a point that is put somewhere."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sim.plants.engine import mujoco
from sim.plants.simulation import Part


@final
class ArmSimulation:
    """The physics of OGBench's arms (cube, scene, puzzle): an action moves the pose that the joints are led to."""

    def __init__(self, environment: Any) -> None:
        self.control_period_s = float(environment.control_timestep())
        self.num_substeps = round(self.control_period_s / environment.physics_timestep())
        self.kinematic = False
        self._environment = environment

    @property
    def model(self) -> Any:
        """The `mujoco.MjModel`; None before the first reset."""
        return self._environment._model

    @property
    def data(self) -> Any:
        """The `mujoco.MjData`; None before the first reset."""
        return self._environment._data

    def observe(self) -> Any:
        """Return what the environment observes now."""
        return self._environment.compute_observation()

    def settle(self) -> None:
        """Aim at the pose that there is, and let the solver start afresh.

        Each reset takes two steps with actions that no seed decides, and their control signals would stay in force.
        """
        self._environment.set_control(np.zeros(self._environment.action_space.shape))
        self.data.qacc_warmstart[:] = 0.0

    @contextmanager
    def divided(self, parts: Sequence[Part], *, keep: bool) -> Generator[None]:
        """Let the next step simulate the parts first; see `Simulation`."""
        environment = self._environment

        def set_control(action: NDArray[np.float64]) -> None:
            for part, count in parts:
                if part is not None:
                    whole(part)
                mujoco().mj_step(environment.model, environment.data, nstep=count)
            if not keep:
                whole(action)

        whole = environment.set_control
        environment.set_control = set_control
        environment._n_steps = self.num_substeps - sum(count for _, count in parts)
        try:
            yield
        finally:
            del environment.set_control
            environment._n_steps = self.num_substeps


@final
class PointSimulation:
    """The physics of OGBench's point: an action puts it somewhere at once, and only walls move it after that."""

    _SPEED = 0.2  # metres of an action of 1, as in the environment's own step

    def __init__(self, environment: Any) -> None:
        self.control_period_s = float(environment.dt)
        self.num_substeps = int(environment.frame_skip)
        self.kinematic = True
        self._environment = environment

    @property
    def model(self) -> Any:
        """The `mujoco.MjModel`."""
        return self._environment.model

    @property
    def data(self) -> Any:
        """The `mujoco.MjData`."""
        return self._environment.data

    def observe(self) -> Any:
        """Return what the environment observes now."""
        return self._environment.get_ob()

    def settle(self) -> None:
        """A reset leaves nothing."""

    @contextmanager
    def divided(self, parts: Sequence[Part], *, keep: bool) -> Generator[None]:
        """Let the next step simulate the parts first; see `Simulation`."""
        environment, left = self._environment, self.num_substeps - sum(count for _, count in parts)

        def step(action: NDArray[np.float64]) -> Any:
            for part, count in parts:
                self._simulate(part, count)
            if keep:  # the environment's own step would put the point somewhere, and stop it
                self._simulate(None, left)
            return whole(np.zeros_like(action) if keep else action)

        whole = environment.step
        environment.step = step
        environment.frame_skip = 0 if keep else left
        try:
            yield
        finally:
            del environment.step
            environment.frame_skip = self.num_substeps

    def _simulate(self, action: NDArray[np.float32] | None, num_substeps: int) -> None:
        if action is not None:
            self.data.qpos[:] += self._SPEED * action
            self.data.qvel[:] = 0.0
        mujoco().mj_step(self.model, self.data, nstep=num_substeps)
