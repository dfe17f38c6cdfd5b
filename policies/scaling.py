"""From a robot's units to a network's and back; part of the networks, so that it is exported with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policies.shapes import Actions, Observations


class ObservationScaling(nn.Module):
    """Shift and scale each observation entry: (observation - mean) / scale.

    Args:
        mean: Shape (O,), in the observation's units.
        scale: Shape (O,), positive, in the observation's units.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, observation: Observations) -> Observations:
        """Return the observation in the network's units, same shape."""
        return (observation - self.mean) / self.scale

    @classmethod
    def identity(cls, size: int) -> ObservationScaling:
        """Return the scaling that changes nothing."""
        return cls(torch.zeros(size), torch.ones(size))

    @classmethod
    def standard(cls, observations: Observations) -> ObservationScaling:
        """Return the scaling that gives the data zero mean and unit deviation; a constant entry is only shifted."""
        deviation = observations.std(0)
        return cls(observations.mean(0), torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))


class ActionScaling(nn.Module):
    """Map each action entry between the robot's limits and [-1, 1].

    Args:
        low: Shape (A,), the robot's lower limits.
        high: Shape (A,), the robot's upper limits.
    """

    centre: Tensor
    half_range: Tensor

    def __init__(self, low: Tensor, high: Tensor) -> None:
        super().__init__()
        self.register_buffer("centre", (high + low) / 2)
        self.register_buffer("half_range", (high - low) / 2)

    def forward(self, action: Actions) -> Actions:
        """Normalised action to the robot's units."""
        return self.centre + self.half_range * action

    def normalise(self, action: Actions) -> Actions:
        """Action in the robot's units to [-1, 1]."""
        return (action - self.centre) / self.half_range
