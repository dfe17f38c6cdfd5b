"""The robot in three dimensions: the bundle's plant, posed as it was observed, and the particles at its gripper."""

from __future__ import annotations

import re
from typing import Any, final

import numpy as np
import viser
from mjviser import ViserMujocoScene
from numpy.typing import NDArray

from sim.monitor.flow import Flow
from sim.monitor.posing import find_pose
from sim.plants import DivisiblePlant
from sim.plants.engine import mujoco
from sim.plants.names import Names
from vgf_robot.bundle import Manifest

# Where a move of the first three entries of an action begins, in models that are known.
_GRIPPERS = ("ur5e/robotiq/pinch", "robot0:grip")
# Moves of a few centimetres are drawn longer, to be seen beside an arm.
_DRAWN_M = 0.15
_METRES = re.compile(r"([0-9.]*) ?m")
# Where a page looks from, in diameters of what moves.
_FROM = np.array([0.45, -0.9, 0.35])
_GREY, _FLOW, _CHOSEN = (154, 166, 180), (224, 130, 20), (26, 95, 180)


@final
class Stage:
    """Draws a plant's model into a page.

    Args:
        server: The page's.
        plant: Not reset yet; is moved here.
        manifest: The bundle's.

    Attributes:
        note: What is not as it is with the robot, half a sentence; empty where all is.
    """

    def __init__(self, server: viser.ViserServer, plant: DivisiblePlant, manifest: Manifest) -> None:
        self._server = server
        self._pose = find_pose(plant)
        plant.reset(0)
        physics = plant.physics()
        self._model, self._data = physics.model, physics.data
        self._scene = ViserMujocoScene(server, self._model, num_envs=1)
        self._scene.camera_tracking_enabled = False
        self._gripper, self._unit_m = _gripper(self._model), _unit_m(manifest)
        self._long = 1.0 if self._unit_m is None else max(1.0, _DRAWN_M / self._unit_m)
        self._lines: list[Any] = []
        self.note = "at rest: its state cannot be told from the observation" if self._pose is None else self._pose.note
        self._scene.update_from_mjdata(self._data)
        self._aim()

    @property
    def shows_flow(self) -> bool:
        """Whether the particles' moves are drawn in space."""
        return self._gripper is not None and self._unit_m is not None

    @property
    def flow_note(self) -> str:
        """How the moves are drawn."""
        return f"moves at the gripper, drawn {self._long:.2g} times as long" if self.shows_flow else ""

    def show(self, observation: NDArray[np.float32] | None, flow: Flow | None) -> None:
        """Pose the model, and draw the particles' way.

        Args:
            observation: Shape (O,); None leaves the pose.
            flow: None draws none.
        """
        if self._pose is not None and observation is not None and np.isfinite(observation).all():
            self._pose.put(self._data, observation)
            mujoco().mj_forward(self._model, self._data)
        with self._server.atomic():
            self._scene.update_from_mjdata(self._data)
            self._draw(flow)

    def _draw(self, flow: Flow | None) -> None:
        for each in self._lines:
            each.remove()
        self._lines = []
        if flow is None or self._gripper is None or self._unit_m is None:
            return
        at = self._data.site_xpos[self._gripper]
        path = at + flow.path[:, :, :3].astype(np.float64) * self._unit_m * self._long
        add = self._server.scene
        others = [index for index in range(path.shape[1]) if index != flow.chosen]
        self._lines.append(add.add_point_cloud("/flow/reference", path[0], colors=_GREY, point_size=0.004))
        if others and len(path) > 1:
            self._lines.append(_segments(add, "/flow/others", path[:, others], _FLOW, 0.001))
        # From the gripper to where it shall go: the move that was chosen.
        chosen = np.stack([at, path[-1, flow.chosen]])[:, None]
        self._lines.append(_segments(add, "/flow/chosen", chosen, _CHOSEN, 0.003))
        self._lines.append(add.add_point_cloud("/flow/ends", path[-1], colors=_FLOW, point_size=0.006))

    def _aim(self) -> None:
        """Have pages look at what moves, from the side that robots are mostly seen from."""
        moving = self._model.geom_bodyid > 0
        places, sizes = self._data.geom_xpos[moving], self._model.geom_rbound[moving, None]
        low, high = (places - sizes).min(axis=0), (places + sizes).max(axis=0)
        centre, reach = (low + high) / 2, float(np.linalg.norm(high - low))
        self._server.initial_camera.position = centre + reach * _FROM
        self._server.initial_camera.look_at = centre


def _segments(
    scene: viser.SceneApi, name: str, path: NDArray[np.float64], colour: tuple[int, int, int], thickness_m: float
) -> viser.LineSegmentsHandle:
    """Draw a way of particles, shape (S + 1, N, 3), as lines."""
    segments = np.stack([path[:-1], path[1:]], axis=2).reshape(-1, 2, 3)
    return scene.add_line_segments(name, segments, colors=colour, thickness=thickness_m)


def _gripper(model: Any) -> int | None:
    names = Names(model, "the model")
    known = names.known("site")
    return next((known.index(name) for name in _GRIPPERS if name in known), None)


def _unit_m(manifest: Manifest) -> float | None:
    """Return how far 1 of the first three entries moves the gripper; None where they are no move in space."""
    first = manifest.action[0]
    found = _METRES.fullmatch(first.unit)
    if manifest.action_kind != "delta" or first.size != 3 or found is None:
        return None
    return float(found[1] or 1.0) * max(map(abs, (*first.low, *first.high)))
