"""Names in a MuJoCo model, and where the numbers of what they name are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sim.plants.xml_robot import Source
from vgf_robot.errors import PlantError, suggestion

Read = Callable[[Any], NDArray[np.float64]]
_POSITIONS = {0: 7, 1: 4}  # free and ball joints; hinges and slides have one number
_VELOCITIES = {0: 6, 1: 3}
_COUNTS = {
    "joint": "njnt",
    "sensor": "nsensor",
    "site": "nsite",
    "actuator": "nu",
    "key": "nkey",
    "body": "nbody",
    "geom": "ngeom",
}


@final
class Names:
    """The named parts of one model."""

    def __init__(self, model: Any, owner: str) -> None:
        """Take a model.

        Args:
            model: The `mujoco.MjModel`.
            owner: What the model belongs to, for errors.
        """
        self._model = model
        self._owner = owner

    def known(self, kind: str) -> list[str]:
        """Return every name of a kind: `joint`, `sensor`, `site`, `actuator`, `key`, `body`, `geom`."""
        return [getattr(self._model, kind)(index).name for index in range(getattr(self._model, _COUNTS[kind]))]

    def index(self, kind: str, name: str) -> int:
        """Return the number of a named part.

        Raises:
            PlantError: The model has none of that name.
        """
        known = self.known(kind)
        if name not in known:
            named = [each for each in known if each]
            hint = suggestion(name, named) if named else f"it has no {kind} with a name."
            raise PlantError(f"{self._owner}: the model has no {kind} '{name}'; {hint}")
        return known.index(name)

    def reader(self, source: Source) -> Read:
        """Return a function that reads a source's numbers from the data, as an array of its own.

        Raises:
            PlantError: A name that the model lacks.
        """
        if source.kind == "site_positions":
            sites = [self.index("site", name) for name in source.names]
            return lambda data: data.site_xpos[sites].ravel()
        if source.kind == "sensors":
            entries = self._runs("sensor", source.names, self._model.sensor_adr, self._model.sensor_dim)
            return lambda data: data.sensordata[entries]
        if source.kind == "joint_positions":
            positions = self.positions(source.names)
            return lambda data: data.qpos[positions]
        velocities = self.velocities(source.names)
        return lambda data: data.qvel[velocities]

    def positions(self, joints: Iterable[str]) -> list[int]:
        """Return where the positions of joints are in `qpos`, one after the other.

        Raises:
            PlantError: A name that the model lacks.
        """
        sizes = np.array([_POSITIONS.get(int(kind), 1) for kind in self._model.jnt_type], int)
        return self._runs("joint", joints, self._model.jnt_qposadr, sizes)

    def velocities(self, joints: Iterable[str]) -> list[int]:
        """Return where the velocities of joints are in `qvel`, likewise."""
        sizes = np.array([_VELOCITIES.get(int(kind), 1) for kind in self._model.jnt_type], int)
        return self._runs("joint", joints, self._model.jnt_dofadr, sizes)

    def scalar_joints(self) -> list[int]:
        """Return the numbers of all hinges and slides."""
        return [index for index, kind in enumerate(self._model.jnt_type) if int(kind) not in _POSITIONS]

    def _runs(self, kind: str, names: Iterable[str], starts: Any, sizes: Any) -> list[int]:
        indices = [self.index(kind, name) for name in names]
        return [int(starts[i]) + offset for i in indices for offset in range(int(sizes[i]))]
