"""What an observation must be before a tick starts, and what is worth knowing of it then."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest
from vgf_robot.errors import ProtocolError

Floats = NDArray[np.float32]


def check_observation(observation: object, size: int) -> None:
    """Refuse an array that is no observation of this robot; its values are the tick's business.

    Args:
        observation: Expected float32, shape (O,).
        size: O.

    Raises:
        ProtocolError: Another shape, another type, or no array.
    """
    if not isinstance(observation, np.ndarray):
        raise ProtocolError(
            f"Observation: expected a NumPy array float32 ({size},), found {type(observation).__name__}; convert it."
        )
    found = cast(NDArray[np.generic], observation)
    if found.shape != (size,) or found.dtype != np.float32:
        raise ProtocolError(
            f"Observation: expected float32 ({size},), found {found.dtype} {found.shape}; send the fields of the "
            "bundle's manifest in their order."
        )


class TrainingRange:
    """The range of observations seen in training."""

    def __init__(self, manifest: Manifest) -> None:
        low = np.array([value for field in manifest.observation for value in field.low])
        high = np.array([value for field in manifest.observation for value in field.high])
        # Rounded outward, so that the extremes of the training data themselves are inside.
        self._low = np.nextafter(low.astype(np.float32), np.float32(-np.inf))
        self._high = np.nextafter(high.astype(np.float32), np.float32(np.inf))

    def num_outside(self, observation: Floats) -> int:
        """Return how many entries were never that small or large in training; a NaN counts as outside."""
        inside = (observation >= self._low) & (observation <= self._high)
        return 0 if inside.all() else int(observation.size - np.count_nonzero(inside))


def middle_of_range(manifest: Manifest) -> Floats:
    """Return an observation from the middle of the range seen in training, shape (O,)."""
    bounds = [each for field in manifest.observation for each in zip(field.low, field.high, strict=True)]
    return np.array(bounds).mean(axis=1).astype(np.float32)
