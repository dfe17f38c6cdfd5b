"""What a tick starts from: with the observation, all that its action depends on."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import OperatingPoint


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """An episode and what is known of costs, as they stand before a tick; for records that are made after it.

    Attributes:
        point: The setting to run at, ceilings included.
        precision: Number format of the graphs.
        seed: Of the episode's generator.
        tick: Index of the tick in its episode, from 0.
        previous_action: Shape (A,), which the limits hold the next one to; None before the first.
        commanded_ns: When that action was made, on the controller's clock; 0 before the first.
        particles_tick: Index of the tick whose particles would be scored again; None where there are none.
        reference_ns: What drawing particles is thought to take; None while that is unknown, as for the next two.
        step_ns: Likewise, one step.
        select_ns: Likewise, choosing one particle.
        margin_ns: Kept free before the deadline when a step is started.
    """

    point: OperatingPoint
    precision: str
    seed: int
    tick: int
    previous_action: NDArray[np.float32] | None
    commanded_ns: int
    particles_tick: int | None
    reference_ns: int | None
    step_ns: int | None
    select_ns: int | None
    margin_ns: float
