"""A variant that is ready for ticks: its graphs, what they cost, and the arrays they are fed from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends.graphs import Graphs
from vgf_robot.controller.costs import TickCosts
from vgf_robot.controller.settings import ControllerSettings

VariantKey = tuple[int, int]  # N, K


class PreparedVariant:
    """What all ticks at one N and K share.

    Attributes:
        key: N and K.
        graphs: The loaded graphs.
        costs: Learned from every tick at this N and K, whoever asked for it.
        noise: Shape (N, A), filled anew by each tick.
        selection_noise: Shape (N,), likewise.
        zeros: Shape (N, A), read-only: the optimiser's state before the first step.
        no_displacement: Shape (N,), read-only: the displacement of particles that were not moved.
    """

    __slots__ = ("costs", "graphs", "key", "no_displacement", "noise", "selection_noise", "zeros")

    def __init__(self, key: VariantKey, action_size: int, graphs: Graphs, settings: ControllerSettings) -> None:
        num_particles = key[0]
        self.key = key
        self.graphs = graphs
        self.costs = TickCosts(settings)
        self.noise = np.zeros((num_particles, action_size), np.float32)
        self.selection_noise = np.zeros(num_particles, np.float32)
        self.zeros: NDArray[np.float32] = np.zeros((num_particles, action_size), np.float32)
        self.zeros.flags.writeable = False
        self.no_displacement: NDArray[np.float32] = np.zeros(num_particles, np.float32)
        self.no_displacement.flags.writeable = False
