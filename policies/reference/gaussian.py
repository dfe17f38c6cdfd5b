"""The reference policy as one Gaussian per state: cheap, with a single mode."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from policies.networks import mlp
from policies.reference.policy import ReferencePolicy, require_one_pass
from policies.scaling import ObservationScaling
from policies.shapes import Actions, Observations, Particles

LOG_DEVIATION_MIN = -5.0
LOG_DEVIATION_MAX = 2.0
MEAN_GAIN = 0.1  # of the last layer's initial weights: their variance is scaled by 0.01


class GaussianReference(ReferencePolicy):
    """A diagonal Gaussian: the mean depends on the state, the deviation of each action entry does not.

    Args:
        observation_size: O.
        action_size: A.
        hidden_sizes: Width of each hidden layer.
        scaling: Observation units to network units; the identity where None.

    Source: arXiv 2604.14265, the Gaussian behaviour model of the authors' code: no squashing by tanh, log deviations
    start at 0 and are kept in [-5, 2], samples are clipped to [-1, 1].
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden_sizes: Sequence[int],
        scaling: ObservationScaling | None = None,
    ) -> None:
        super().__init__()
        self.scaling = scaling or ObservationScaling.identity(observation_size)
        self.mean = mlp(observation_size, hidden_sizes, action_size, layer_norm=False, output_gain=MEAN_GAIN)
        self.log_deviation = nn.Parameter(torch.zeros(action_size))

    def forward(self, observation: Observations, noise: Particles, num_steps: int) -> Particles:
        """Draw the particles: mean + deviation * noise, clipped; the mean is computed once per state."""
        require_one_pass(num_steps)
        mean = self.mean(self.scaling(observation)).unsqueeze(-2)
        return (mean + self._bounded().exp() * noise).clamp(-1.0, 1.0)

    def loss(self, observation: Observations, action: Actions, generator: torch.Generator) -> Tensor:
        """Return the mean negative log likelihood of the data's actions; the generator is not needed."""
        log_deviation = self._bounded()
        distance = (action - self.mean(self.scaling(observation))) * torch.exp(-log_deviation)
        return (0.5 * distance.square() + log_deviation + 0.5 * math.log(2.0 * math.pi)).sum(-1).mean()

    def _bounded(self) -> Tensor:
        return self.log_deviation.clamp(LOG_DEVIATION_MIN, LOG_DEVIATION_MAX)
