"""What the trainer asks of a method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from policies.batch import Batch


class Method(ABC):
    """The second phase of a run, after the reference policy is trained.

    Attributes:
        optimisers: What changes beside the networks, by the name it has in a checkpoint.
    """

    optimisers: Mapping[str, torch.optim.Adam]

    @abstractmethod
    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Take one gradient update; returns losses and values to be logged, scalars."""
