"""What puts a model into a state that was observed."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Pose(Protocol):
    """Puts a model into the state that an observation tells of."""

    note: str
    """What it cannot know, for whoever looks; empty where it knows everything."""
    entries: NDArray[np.intp]
    """The entries of an observation that come back when the posed model is observed."""

    def put(self, data: Any, observation: Floats) -> None:
        """Write the state; whoever calls runs `mj_forward`.

        Args:
            data: The `mujoco.MjData`.
            observation: Shape (O,).
        """
        ...
