"""NumPy's global generator, lent to an environment or an oracle that draws from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class GlobalGenerator:
    """One user's own state of NumPy's global generator, in place only while that user draws from it.

    OGBench's mazes draw their start and their teleports from the global generator and not from the environment's
    own, and its oracles know no other: without this, the same seed gives another episode each time, and two plants
    disturb each other.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Begin again; the global generator itself takes 32 bits."""
        self._state = np.random.RandomState(seed % 2**32).get_state()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put this state in NumPy's place, and afterwards keep where it got to and give NumPy its own back."""
        outside = np.random.get_state()
        np.random.set_state(self._state)
        try:
            yield
        finally:
            self._state = np.random.get_state()
            np.random.set_state(outside)
