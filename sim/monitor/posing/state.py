"""Observations that begin with a model's positions."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from sim.monitor.posing.pose import Floats


@final
class StatePose:
    """Observations that begin with positions, the first few left out, and perhaps velocities.

    So are those of Gymnasium's walkers (without the distance walked) and OGBench's mazes.

    Args:
        model: The `mujoco.MjModel`.
        hidden: Positions that are not observed.
    """

    def __init__(self, model: Any, hidden: int) -> None:
        self._hidden, self._num_positions, self._num_velocities = hidden, model.nq, model.nv
        self.entries = np.arange(model.nq - hidden)
        self.note = "" if not hidden else f"the first {hidden} coordinates are not observed, and stay where they are"
        self.note = "how far it has gone is not observed: it stays in its place" if hidden == 1 else self.note

    def put(self, data: Any, observation: Floats) -> None:
        """Write positions and velocities."""
        num_seen = self._num_positions - self._hidden
        data.qpos[self._hidden :] = observation[:num_seen]
        velocities = observation[num_seen : num_seen + self._num_velocities]
        data.qvel[: len(velocities)] = velocities
