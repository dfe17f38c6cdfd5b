"""Adam on a network, and one step of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def adam(module: nn.Module, learning_rate: float) -> torch.optim.Adam:
    """Return Adam on all parameters of a network; on a GPU its step can be captured in a CUDA graph."""
    parameters = list(module.parameters())
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True, capturable=parameters[0].is_cuda)


def descend(optimiser: torch.optim.Adam, loss: Tensor, gradient_clip: float | None) -> None:
    """Take one step down the loss; networks of other optimisers that the loss goes through get no gradient.

    Args:
        optimiser: Of the network that is to change.
        loss: Scalar.
        gradient_clip: Largest global norm of the gradient, or None.
    """
    parameters: list[Tensor] = optimiser.param_groups[0]["params"]
    optimiser.zero_grad()
    loss.backward(inputs=parameters)
    if gradient_clip is not None:
        nn.utils.clip_grad_norm_(parameters, gradient_clip)
    optimiser.step()
