"""Networks and losses once more in NumPy and float64, by hand and slowly: what the torch code is compared with."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def perceptron(network: nn.Sequential, inputs: np.ndarray) -> np.ndarray:
    """Dense, LayerNorm and ReLU layers, one after the other."""
    for layer in network:
        if isinstance(layer, nn.Linear):
            inputs = inputs @ numbers(layer.weight).T + numbers(layer.bias)
        elif isinstance(layer, nn.LayerNorm):
            centred = inputs - inputs.mean(-1, keepdims=True)
            deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + layer.eps)
            inputs = centred / deviation * numbers(layer.weight) + numbers(layer.bias)
        else:
            inputs = np.maximum(inputs, 0.0)
    return inputs


def critic(critic: nn.Module, observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Values (E, ...) of an ensemble without observation scaling."""
    inputs = np.concatenate([observations, actions], -1)
    return np.stack([perceptron(member, inputs)[..., 0] for member in critic.members])


def finite_differences(function, parameter: torch.Tensor, entries: list[int], offset: float = 1e-6) -> list[float]:
    """Slopes of a scalar function by some entries of a float64 parameter, by central differences."""
    slopes = []
    flat = parameter.detach().view(-1)
    for entry in entries:
        before = float(flat[entry])
        flat[entry] = before + offset
        above = float(function().detach())
        flat[entry] = before - offset
        below = float(function().detach())
        flat[entry] = before
        slopes.append((above - below) / (2 * offset))
    return slopes


def check_gradients(function, network: nn.Module) -> None:
    """Compare the gradients of a scalar loss with finite differences, at a few entries of every parameter."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(function(), parameters)
    assert any(float(gradient.abs().max()) > 1e-4 for gradient in gradients)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        entries = sorted({0, parameter.numel() // 2, parameter.numel() - 1})
        found = [float(gradient.view(-1)[entry]) for entry in entries]
        np.testing.assert_allclose(found, finite_differences(function, parameter, entries), atol=1e-7, rtol=1e-4)
