"""OGBench's arm, which observes its joints, its gripper and the cubes on its table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sim.monitor.posing.pose import Floats
from sim.plants import Physics
from sim.plants.engine import mujoco
from sim.plants.names import Names


@final
class ArmPose:
    """OGBench's arm with its gripper, and the cubes on its table.

    Args:
        physics: After a reset.
    """

    note = ""
    _ARM = ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")
    _NUM_ARM, _NUM_CUBE = 19, 9
    _CENTRE, _SCALE, _GRIPPER_SCALE, _DRIVER_RANGE = np.array([0.425, 0.0, 0.0]), 10.0, 3.0, 0.8
    _OPENINGS = np.linspace(0.0, 1.0, 9)

    def __init__(self, physics: Physics) -> None:
        model = physics.model
        names = Names(model, "the arm")
        joints, starts = names.known("joint"), model.jnt_qposadr
        self._fingers = names.index("actuator", "ur5e/robotiq/fingers_actuator")
        self._arm = [int(starts[joints.index(f"ur5e/{name}_joint")]) for name in self._ARM]
        gripper = [index for index, name in enumerate(joints) if name.startswith("ur5e/robotiq/")]
        self._gripper = [int(starts[index]) for index in gripper]
        self._driver = gripper.index(joints.index("ur5e/robotiq/right_driver_joint"))
        self._cubes = [int(starts[joints.index(name)]) for name in _cubes(joints)]
        self._postures = self._learn_postures(physics)
        moved = [*range(6), 17]
        moved += [
            self._NUM_ARM + self._NUM_CUBE * cube + entry for cube in range(len(self._cubes)) for entry in range(7)
        ]
        self.entries = np.array(moved)

    @staticmethod
    def knows(model: Any, observation_size: int) -> bool:
        """Return whether this is the arm, with cubes alone on its table."""
        joints = Names(model, "the model").known("joint")
        num_cubes = len(_cubes(joints))
        is_arm = "ur5e/robotiq/right_driver_joint" in joints
        return is_arm and observation_size == ArmPose._NUM_ARM + ArmPose._NUM_CUBE * num_cubes

    def put(self, data: Any, observation: Floats) -> None:
        """Write arm, gripper and cubes."""
        data.qpos[self._arm] = observation[:6]
        opening = float(observation[17]) / self._GRIPPER_SCALE
        for place, posture in zip(self._gripper, self._postures, strict=True):
            data.qpos[place] = np.interp(opening, self._OPENINGS, posture)
        for cube, place in enumerate(self._cubes):
            seen = observation[self._NUM_ARM + self._NUM_CUBE * cube :]
            data.qpos[place : place + 3] = seen[:3] / self._SCALE + self._CENTRE
            data.qpos[place + 3 : place + 7] = seen[3:7]
        data.qvel[:] = 0.0

    def _learn_postures(self, physics: Physics) -> NDArray[np.float64]:
        """Return each gripper joint's position at each opening, shape (joints, openings).

        The fingers are a linkage that MuJoCo closes by constraints: it is led to each opening and read off.
        """
        model, data = physics.model, mujoco().MjData(physics.model)
        data.qpos[:], data.ctrl[:] = physics.data.qpos, physics.data.ctrl
        postures: list[NDArray[np.float64]] = []
        for opening in self._OPENINGS:
            data.ctrl[self._fingers] = 255.0 * opening
            mujoco().mj_step(model, data, nstep=500)
            found = data.qpos[self._gripper].copy()
            found[self._driver] = opening * self._DRIVER_RANGE
            postures.append(found)
        return np.stack(postures, axis=1)


def _cubes(joints: Sequence[str]) -> list[str]:
    return [name for name in joints if name.startswith("object_joint_")]
