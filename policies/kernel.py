"""The kernel that makes particles of one state see each other, with the median heuristic for its bandwidth.

The bandwidth is held constant under the gradient, as in textbook SVGD. The authors' code differentiates the median as
well; that term depends on how ties in the median are ordered, so it is no well-defined function of the particles.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from policies.shapes import Particles


def kernel(particles: Particles) -> tuple[Tensor, Tensor, Tensor]:
    """Return the kernel (..., N, N), its gamma (..., 1, 1) and the differences x_i - x_j (..., N, N, A).

    Source: arXiv 2604.14265: exp(-gamma |x_i - x_j|^2), gamma = 1 / (1e-6 + 2 sigma^2).
    """
    difference = particles.unsqueeze(-2) - particles.unsqueeze(-3)
    squared_distance = difference.square().sum(-1)
    gamma = 1.0 / (1e-6 + 2.0 * squared_bandwidth(squared_distance))[..., None, None]
    return torch.exp(-gamma * squared_distance), gamma, difference


def squared_bandwidth(squared_distance: Tensor) -> Tensor:
    """Return sigma^2 of the median heuristic: median over all N*N squared distances / (2 log(N + 1)), at least 1e-12.

    The zero diagonal counts, and an even number of entries has the mean of its two middle ones as median, as NumPy
    has it (`torch.median` would take the lower one). Sorted by top-k, which ONNX has and `sort` there has not.

    Args:
        squared_distance: Shape (..., N, N).

    Returns:
        Shape (...).
    """
    num_particles = squared_distance.shape[-1]
    count = num_particles * num_particles
    lowest = torch.topk(squared_distance.flatten(-2), count // 2 + 1, largest=False, sorted=True).values
    median = lowest[..., -1] if count % 2 else lowest[..., -2:].mean(-1)
    return (median / (2.0 * math.log(num_particles + 1.0))).clamp_min(1e-12)
