"""What every sampler offers, and what makes it a reference policy: that it can be fitted to the data."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from policies.shapes import Actions, Observations, Particles


class Sampler(nn.Module, ABC):
    """Draws one particle per row of noise."""

    @abstractmethod
    def forward(self, observation: Observations, noise: Particles, num_steps: int) -> Particles:
        """Draw the particles.

        Args:
            observation: Shape (..., O), raw units.
            noise: Shape (..., N, A), standard normal.
            num_steps: K, evaluations of the network, each an Euler step of a flow; 1 for what draws in one pass.

        Returns:
            Particles of shape (..., N, A) in normalised action units, inside [-1, 1].
        """


class ReferencePolicy(Sampler):
    """A sampler of what the data would do."""

    @abstractmethod
    def loss(self, observation: Observations, action: Actions, generator: torch.Generator) -> Tensor:
        """Return the loss of behaviour cloning, a scalar.

        Args:
            observation: Shape (B, O), raw units.
            action: Shape (B, A), the data's, normalised.
            generator: Where noise comes from, for those that need it.
        """


def require_one_pass(num_steps: int) -> None:
    """Refuse Euler steps of what takes none."""
    if num_steps != 1:
        raise ValueError(f"Expected 1 step of a sampler that draws in one pass, found {num_steps}.")
