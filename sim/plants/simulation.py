"""How the physics of an environment is run in parts: what lies between an action and MuJoCo's steps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Part = tuple[Floats | None, int]
"""An action, or None for what is in force, and the number of physics steps."""


class Simulation(Protocol):
    """The physics inside of an environment."""

    control_period_s: float
    """Simulated seconds of one `step` of the environment."""
    num_substeps: int
    """Physics steps in it."""
    kinematic: bool
    """Whether actions put the robot in its place, so that no mass, force or friction matters."""

    @property
    def model(self) -> Any:
        """The `mujoco.MjModel`; None before the first reset."""
        ...

    @property
    def data(self) -> Any:
        """The `mujoco.MjData`; None before the first reset."""
        ...

    def observe(self) -> Any:
        """Return what the environment observes of the data as it is now."""
        ...

    def settle(self) -> None:
        """Remove what a reset has left in force and no seed decides; the state stays as it is."""
        ...

    def divided(self, parts: Sequence[Part], *, keep: bool) -> Any:
        """Return a context in which one `step` of the environment simulates the parts first, and then what is left.

        Args:
            parts: In their order; together no longer than a period.
            keep: Whether the action of the `step` itself is left out, so that what is in force stays.
        """
        ...


class _Reached(Exception):  # noqa: N818  # no error: it carries the control signals out of a step
    def __init__(self, control: NDArray[np.float64]) -> None:
        super().__init__()
        self.control = control


@final
class MujocoEnvSimulation:
    """The physics of a Gymnasium `MujocoEnv`, which hands control signals to its `do_simulation`.

    What an action means in control signals is the environment's own affair (Adroit scales it, the kitchen makes joint
    positions of velocities): it is asked by letting its step run as far as `do_simulation`.
    """

    def __init__(self, environment: Any, observe: Callable[[], Any]) -> None:
        """Take an environment.

        Args:
            environment: The `MujocoEnv`, perhaps inside of another environment.
            observe: Returns what the outer environment observes now.
        """
        self.control_period_s = float(environment.dt)
        self.num_substeps = int(environment.frame_skip)
        self.kinematic = False
        self.observe = observe
        self._environment = environment

    @property
    def model(self) -> Any:
        """The `mujoco.MjModel`."""
        return self._environment.model

    @property
    def data(self) -> Any:
        """The `mujoco.MjData`."""
        return self._environment.data

    def settle(self) -> None:
        """A reset leaves nothing: it sets the control signals back itself."""

    @contextmanager
    def divided(self, parts: Sequence[Part], *, keep: bool) -> Generator[None]:
        """Let the next step simulate the parts first; see `Simulation`."""
        environment = self._environment
        controls = [(None if action is None else self._control(action), count) for action, count in parts]

        def simulate(control: NDArray[np.float64], num_substeps: int) -> None:
            left = num_substeps - sum(count for _, count in parts)
            for part, count in (*controls, (None if keep else control, left)):
                if part is not None:
                    environment.data.ctrl[:] = part
                if count:  # OGBench's humanoid steps in a way of its own, and once at least
                    environment._step_mujoco_simulation(environment.data.ctrl.copy(), count)

        environment.do_simulation = simulate
        try:
            yield
        finally:
            del environment.do_simulation

    def _control(self, action: Floats) -> NDArray[np.float64]:
        """Return the control signals that an action stands for."""

        def reached(control: NDArray[np.float64], num_substeps: int) -> None:
            del num_substeps
            raise _Reached(np.array(control))

        self._environment.do_simulation = reached
        try:
            self._environment.step(action)
        except _Reached as found:
            return found.control
        finally:
            del self._environment.do_simulation
        raise TypeError(f"{type(self._environment).__name__} does not simulate by do_simulation.")
