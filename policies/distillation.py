"""A reference policy in one pass: a network that learns what a trained flow makes of the same noise."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from policies.config import TrainConfig
from policies.optimisers import adam, descend
from policies.reference import FlowReference, OneStepActor
from policies.shapes import Observations


class Distillation:
    """Fits a one-step network to a flow; the flow stays as it is.

    The loss is the actor's of flow Q-learning without its value: sizes, batch and learning rate are the reference
    policy's. The rate falls to zero in a half wave, as what is left of the error at the end is the optimiser's noise.

    Args:
        config: The run's configuration.
        flow: Its trained reference policy.
        observations: Shape (T, O), raw units, those of the dataset.
        num_updates: Gradient updates.
        seed: Of weights, batches and noise.

    Attributes:
        student: The network.
    """

    def __init__(
        self, config: TrainConfig, flow: FlowReference, observations: Observations, *, num_updates: int, seed: int
    ) -> None:
        self._config = config
        self._flow = flow
        self._observations = observations
        self._num_updates = num_updates
        self._generator = torch.Generator(device=observations.device).manual_seed(seed)
        torch.manual_seed(seed)
        self.student = new_student(config).to(observations.device)
        self.student.scaling.load_state_dict(flow.scaling.state_dict())
        self._adam = adam(self.student, config.reference.learning_rate)
        self._rate = torch.optim.lr_scheduler.CosineAnnealingLR(self._adam, num_updates)

    def updates(self) -> Iterator[Tensor]:
        """Take the updates one by one; yields each one's loss, a scalar."""
        for _ in range(self._num_updates):
            yield self._update()

    def _update(self) -> Tensor:
        config, device = self._config, self._observations.device
        shape = (config.batch_size,)
        rows = torch.randint(len(self._observations), shape, generator=self._generator, device=device)
        noise = torch.randn((*shape, 1, config.action_size), generator=self._generator, device=device)
        observations = self._observations[rows]
        with torch.no_grad():
            taught = self._flow(observations, noise, config.reference.num_steps)
        _, loss = self.student.distilled(observations, noise, taught)
        descend(self._adam, loss, config.reference.gradient_clip)
        self._rate.step()
        return loss.detach()


def new_student(config: TrainConfig) -> OneStepActor:
    """Return an untrained network of the reference policy's size."""
    return OneStepActor(config.observation_size, config.action_size, config.reference.hidden_sizes)
