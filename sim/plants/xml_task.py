"""How an episode of a robot of one's own begins, and when its task is solved."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from sim.plants.engine import mujoco
from sim.plants.names import Names
from sim.plants.xml_robot import XmlRobot
from vgf_robot.errors import PlantError


@final
class XmlTask:
    """Start, reward and success of one model."""

    def __init__(self, robot: XmlRobot, model: Any, names: Names, owner: str) -> None:
        """Find what the robot's file names.

        Args:
            robot: The file.
            model: The `mujoco.MjModel`.
            names: Of the model.
            owner: What the model belongs to, for errors.

        Raises:
            PlantError: A name that the model lacks, or a target that is to be placed and hangs on a body.
        """
        self._start, self._goal, self._model = robot.start, robot.goal, model
        self._key = None if robot.start.keyframe is None else names.index("key", robot.start.keyframe)
        self._joints = names.scalar_joints()
        if robot.goal is not None:
            self._site = names.index("site", robot.goal.site)
            self._target = names.index("site", robot.goal.target)
            if robot.start.target_low is not None and model.site_bodyid[self._target] != 0:
                raise PlantError(f"{owner}: site '{robot.goal.target}' hangs on a body; place a site of the world.")

    def begin(self, data: Any, seed: int) -> None:
        """Put the data into the first state of an episode."""
        if self._key is None:
            mujoco().mj_resetData(self._model, data)
        else:
            mujoco().mj_resetDataKeyframe(self._model, data, self._key)
        rng = np.random.default_rng(seed)
        self._disturb(data, rng)
        low, high = self._start.target_low, self._start.target_high
        if low is not None and high is not None:
            self._model.site_pos[self._target] = rng.uniform(low, high)
        mujoco().mj_forward(self._model, data)

    def judge(self, data: Any) -> tuple[float, bool | None]:
        """Return reward and success of the state as it is."""
        if self._goal is None:
            return 0.0, None
        distance = float(np.linalg.norm(data.site_xpos[self._site] - data.site_xpos[self._target]))
        success = distance <= self._goal.within_m
        return (-distance if self._goal.reward == "distance" else float(success) - 1.0), success

    def _disturb(self, data: Any, rng: np.random.Generator) -> None:
        """Move every hinge and slide a little, and not out of its range."""
        model = self._model
        for joint in self._joints:
            place = model.jnt_qposadr[joint]
            value = data.qpos[place] + self._start.joint_noise * rng.uniform(-1, 1)
            data.qpos[place] = np.clip(value, *model.jnt_range[joint]) if model.jnt_limited[joint] else value
