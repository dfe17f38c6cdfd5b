"""A plant of any MuJoCo model: the robot that a YAML file describes."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sim.plants.engine import mujoco
from sim.plants.misuse import require_part, require_sense
from sim.plants.names import Names
from sim.plants.plant import Physics, Transition
from sim.plants.rendering import FRAME_HEIGHT, FRAME_WIDTH, FrameSource
from sim.plants.xml_robot import XmlRobot
from sim.plants.xml_task import XmlTask
from vgf_robot.errors import PlantError

Floats = NDArray[np.float32]
_TOLERANCE = 1e-6


@final
class XmlPlant:
    """The `DivisiblePlant` of one robot file; actions are control signals of MuJoCo's actuators."""

    def __init__(self, environment_id: str, robot: XmlRobot, *, render: bool = False) -> None:
        """Load the model and find in it what the file names.

        Args:
            environment_id: The file's path, as bundles and rows carry it.
            robot: What the file holds, its model's path resolved.
            render: Whether there shall be frames.

        Raises:
            PlantError: The model cannot be loaded, lacks a name, has an actuator without a range, or its time step
                does not divide the control period.
        """
        self.environment_id = environment_id
        self._model = _load(robot.model)
        names = Names(self._model, f"'{environment_id}'")
        self._actuators = [names.index("actuator", name) for name in robot.actuators or names.known("actuator")]
        self.control_period_s = robot.control_period_s
        self.num_substeps = _num_substeps(environment_id, robot.control_period_s, self._model.opt.timestep)
        self.action_low, self.action_high = _limits(environment_id, self._model, self._actuators)
        self.action_size = len(self._actuators)
        self._readers = [names.reader(source) for source in robot.observation]
        self._task = XmlTask(robot, self._model, names, f"'{environment_id}'")
        self._data: Any = mujoco().MjData(self._model)
        self.observation_size = sum(reader(self._data).size for reader in self._readers)
        self._periods_in_all = max(1, round(robot.time_limit_s / robot.control_period_s))
        self._num_periods, self._left, self._under_way = 0, self.num_substeps, False
        self._renderer: Any = None
        self._frames = FrameSource(self._draw if render else None)

    def reset(self, seed: int) -> Floats:
        """Begin an episode."""
        self._task.begin(self._data, seed)
        self._num_periods, self._left, self._under_way = 0, self.num_substeps, True
        return self._observe()

    def apply_part(self, action: Floats | None, num_substeps: int) -> None:
        """Simulate a part of the control period."""
        require_sense(self.environment_id, action, self.action_size, under_way=self._under_way)
        require_part(self.environment_id, num_substeps, self._left)
        if action is not None:
            self._data.ctrl[self._actuators] = np.clip(action, self.action_low, self.action_high)
        mujoco().mj_step(self._model, self._data, nstep=num_substeps)
        self._left -= num_substeps

    def apply(self, action: Floats | None) -> Transition:
        """Simulate what is left of the control period."""
        self.apply_part(action, self._left)
        mujoco().mj_forward(self._model, self._data)  # sites and sensors are those of the step before otherwise
        self._require_stable()
        self._left, self._num_periods = self.num_substeps, self._num_periods + 1
        reward, success = self._task.judge(self._data)
        self._under_way = not success and self._num_periods < self._periods_in_all
        return Transition(observation=self._observe(), reward=reward, success=success, done=not self._under_way)

    def physics(self) -> Physics:
        """Return model and state."""
        return Physics(model=self._model, data=self._data, observe=self._observe)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the current view, shape (height, width, 3), or None where nothing can draw."""
        return self._frames.frame()

    def close(self) -> None:
        """Release the renderer; may be called twice."""
        self._under_way = False
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _observe(self) -> Floats:
        return np.concatenate([reader(self._data) for reader in self._readers]).astype(np.float32)

    def _require_stable(self) -> None:
        """Refuse to go on where MuJoCo has found the state to be nonsense, and has begun anew."""
        kinds = (
            mujoco().mjtWarning.mjWARN_BADQPOS,
            mujoco().mjtWarning.mjWARN_BADQVEL,
            mujoco().mjtWarning.mjWARN_BADQACC,
        )
        if any(self._data.warning[int(kind)].number for kind in kinds):
            raise PlantError(f"'{self.environment_id}': the simulation became unstable; take a smaller time step.")

    def _draw(self) -> NDArray[np.uint8]:
        if self._renderer is None:
            self._renderer = mujoco().Renderer(self._model, FRAME_HEIGHT, FRAME_WIDTH)
        self._renderer.update_scene(self._data)
        return self._renderer.render()


def _load(path: str) -> Any:
    try:
        return mujoco().MjModel.from_xml_path(path)
    except ValueError as error:
        raise PlantError(f"{path} cannot be loaded by MuJoCo ({' '.join(str(error).split())}).") from error


def _num_substeps(environment_id: str, control_period_s: float, timestep_s: float) -> int:
    exact = control_period_s / timestep_s
    if exact < 1 - _TOLERANCE or abs(exact - round(exact)) > _TOLERANCE * exact:
        raise PlantError(
            f"'{environment_id}': expected a control period of a whole number of the model's time steps of "
            f"{timestep_s:g} s, found {control_period_s:g} s; change one of them."
        )
    return round(exact)


def _limits(environment_id: str, model: Any, actuators: list[int]) -> tuple[Floats, Floats]:
    unlimited = [index for index in actuators if not model.actuator_ctrllimited[index]]
    if unlimited or not actuators:
        found = f"'{model.actuator(unlimited[0]).name}' has no ctrlrange" if unlimited else "there is none"
        raise PlantError(f"'{environment_id}': expected actuators with a range, but {found}; add it to the model.")
    low, high = model.actuator_ctrlrange[actuators].T.astype(np.float32)
    return low, high
