"""The random numbers of a tick: they depend on the episode's seed and the tick's index, on nothing else.

A counter-based generator is set to (seed, tick, purpose) before each draw. However many steps were taken, whichever
rung was reached and whatever other episodes did in between, tick 17 of seed 3 sees the same noise: a recording can be
replayed, from any tick.
"""

from __future__ import annotations

import operator
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Selection
from vgf_robot.errors import ProtocolError

Floats = NDArray[np.float32]
PARTICLES, SELECTION = 0, 1
LARGEST_SEED = 2**128 - 1


class NoiseStream:
    """The noise of one episode.

    Attributes:
        seed: Of the episode.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011 (Philox).
    """

    def __init__(self, seed: SupportsIndex) -> None:
        try:
            number = operator.index(seed)
        except TypeError:
            number = -1
        if not 0 <= number <= LARGEST_SEED:
            raise ProtocolError(f"Seed: expected an integer from 0 to 2**128 - 1, found {seed!r}; give another one.")
        self.seed = number
        self._bits = np.random.Philox(key=number)
        self._generator = np.random.Generator(self._bits)
        # Setting a kept state is quicker than a new generator for each tick.
        self._state: Any = self._bits.state
        self._counter: NDArray[np.uint64] = self._state["state"]["counter"]

    def fill_particles(self, tick: int, out: Floats) -> None:
        """Fill with the standard normal noise of a tick's particles.

        Args:
            tick: Index of the tick in its episode, from 0.
            out: Shape (N, A).
        """
        self._seek(tick, PARTICLES)
        self._generator.standard_normal(dtype=np.float32, out=out)

    def fill_selection(self, tick: int, selection: Selection, out: Floats) -> None:
        """Fill with the noise that makes the largest sum of value and noise the wanted choice.

        Args:
            tick: Index of the tick in its episode, from 0.
            selection: `argmax` adds nothing, `uniform` draws from [0, 1), `softmax` from the Gumbel distribution.
            out: Shape (N,).
        """
        if selection == "argmax":
            out.fill(0.0)
            return
        self._seek(tick, SELECTION)
        if selection == "uniform":
            self._generator.random(dtype=np.float32, out=out)
            return
        self._generator.standard_exponential(dtype=np.float32, out=out)
        # Minus the logarithm of an exponential variable is a Gumbel variable; 0 is possible and has no logarithm.
        np.maximum(out, np.finfo(np.float32).tiny, out=out)
        np.log(out, out=out)
        np.negative(out, out=out)

    def _seek(self, tick: int, purpose: int) -> None:
        self._counter[:] = (0, 0, purpose, tick)
        self._bits.state = self._state


def value_weight(selection: Selection, temperature: float) -> float:
    """Return the weight of the values against the selection noise.

    Args:
        selection: The rule.
        temperature: Softmax temperature in units of value; used by `softmax` only.
    """
    if selection == "argmax":
        return 1.0
    return 0.0 if selection == "uniform" else 1.0 / temperature
