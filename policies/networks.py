"""The multilayer perceptron of every network: with normalisation in value networks, without in policies.

Source: settings of the authors' code as recorded with the golden vectors; Dense -> LayerNorm (eps 1e-6) -> ReLU in
the critic, Dense -> ReLU in the velocity field; Xavier-uniform weights, zero biases.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LAYER_NORM_EPS = 1e-6


class Perceptron(nn.Sequential):
    """Hidden layers and an output layer, of which the hidden ones may compute in bfloat16.

    The output stays float32: with the 8 bits of bfloat16 a value of -100 could only change by halves. So do the
    weights, their gradients and the optimiser's state.

    Attributes:
        low_precision: Whether the hidden layers compute in bfloat16; for training only, an export is float32.
    """

    low_precision = False

    def forward(self, input: Tensor) -> Tensor:
        """Return the output for inputs (..., num_in), shape (..., num_out)."""
        if not self.low_precision:
            return super().forward(input)
        hidden = input
        with torch.autocast(input.device.type, torch.bfloat16):
            for layer in list(self)[:-1]:
                hidden = layer(hidden)
        return self[-1](hidden.float())


def set_low_precision(module: nn.Module, enabled: bool) -> None:
    """Let the hidden layers of every perceptron inside compute in bfloat16, or in float32 again."""
    for each in module.modules():
        if isinstance(each, Perceptron):
            each.low_precision = enabled


def dense(num_in: int, num_out: int, gain: float = 1.0) -> nn.Linear:
    """Return a linear layer with Xavier-uniform weights times the gain, and zero biases."""
    layer = nn.Linear(num_in, num_out)
    nn.init.xavier_uniform_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(
    num_in: int, hidden_sizes: Sequence[int], num_out: int, *, layer_norm: bool, output_gain: float = 1.0
) -> Perceptron:
    """Return a multilayer perceptron with ReLU, normalised before each activation where `layer_norm` is set.

    Args:
        num_in: Size of the input's last axis.
        hidden_sizes: Width of each hidden layer.
        num_out: Size of the output's last axis.
        layer_norm: Whether LayerNorm stands between a hidden layer and its activation.
        output_gain: Factor on the output layer's initial weights.
    """
    layers: list[nn.Module] = []
    for width in hidden_sizes:
        layers.append(dense(num_in, width))
        if layer_norm:
            layers.append(nn.LayerNorm(width, eps=LAYER_NORM_EPS))
        layers.append(nn.ReLU())
        num_in = width
    return Perceptron(*layers, dense(num_in, num_out, output_gain))


def expand_observation(observation: Tensor, particles: Tensor) -> Tensor:
    """Repeat each state's observation for its particles: (..., O) and (..., N, A) to (..., N, O)."""
    return observation.unsqueeze(-2).expand(*particles.shape[:-1], observation.shape[-1])
