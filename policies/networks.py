"""The two multilayer perceptrons: a velocity field without normalisation, a Q network with it.

Source: settings of the authors' code as recorded with the golden vectors; Dense -> LayerNorm (eps 1e-6) -> ReLU in
the critic, Dense -> ReLU in the velocity field; Xavier-uniform weights, zero biases.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

LAYER_NORM_EPS = 1e-6


def dense(num_in: int, num_out: int) -> nn.Linear:
    """Return a linear layer with Xavier-uniform weights and zero biases."""
    layer = nn.Linear(num_in, num_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(num_in: int, hidden_sizes: Sequence[int], num_out: int, *, layer_norm: bool) -> nn.Sequential:
    """Return a multilayer perceptron with ReLU, normalised before each activation where `layer_norm` is set.

    Args:
        num_in: Size of the input's last axis.
        hidden_sizes: Width of each hidden layer.
        num_out: Size of the output's last axis.
        layer_norm: Whether LayerNorm stands between a hidden layer and its activation.
    """
    layers: list[nn.Module] = []
    for width in hidden_sizes:
        layers.append(dense(num_in, width))
        if layer_norm:
            layers.append(nn.LayerNorm(width, eps=LAYER_NORM_EPS))
        layers.append(nn.ReLU())
        num_in = width
    return nn.Sequential(*layers, dense(num_in, num_out))


def expand_observation(observation: Tensor, particles: Tensor) -> Tensor:
    """Repeat each state's observation for its particles: (..., O) and (..., N, A) to (..., N, O)."""
    return observation.unsqueeze(-2).expand(*particles.shape[:-1], observation.shape[-1])
