"""The training loop: the reference policy first, then the critic and what the method adds.

The losses share no parameter (algorithm: the reference is behaviour cloning alone), so training one after the other
learns the same; the critic's targets then draw on a finished reference, whose samples can be kept.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from policies import checkpoint
from policies.batch import Batch
from policies.checkpoint import Progress, without_prefix
from policies.config import TrainConfig
from policies.datasets import Transitions
from policies.methods import Method, new_method
from policies.models import Models, new_models
from policies.networks import set_low_precision
from policies.next_particles import NextParticles
from policies.optimisers import adam, descend
from policies.update_graph import UpdateGraph

Metrics = dict[str, float]


class Trainer:
    """Everything that changes during a run, and the two kinds of update.

    Args:
        config: The run's configuration.
        transitions: The data, rewards scaled.
    """

    def __init__(self, config: TrainConfig, transitions: Transitions) -> None:
        self.config = config
        self.models: Models = new_models(config, transitions)
        set_low_precision(self.models, config.precision == "bfloat16")
        device = config.device
        self._observations = transitions.observations.to(device)
        self._next_observations = transitions.next_observations.to(device)
        self._actions = self.models.action_scaling.normalise(transitions.actions.to(device))
        self._rewards = transitions.rewards.to(device)
        self._masks = transitions.masks.to(device)
        self._generator = torch.Generator(device=device).manual_seed(config.seed)
        self._next_particles = NextParticles(config, self.models.reference, self._generator)
        self._method: Method = new_method(config, self.models, self._next_particles, self._generator)
        self._reference_adam = adam(self.models.reference, config.reference.learning_rate)
        self._optimisers = {"reference_adam": self._reference_adam, **self._method.optimisers}
        self._reference_update = UpdateGraph(self._descend_reference, self._generator)
        self._critic_update = UpdateGraph(lambda: self._method.update(self._batch(self._rows())), self._generator)
        self.progress = Progress(reference_updates=0, critic_updates=0)

    @property
    def num_transitions(self) -> int:
        """T, the number of transitions learnt from."""
        return len(self._rewards)

    @property
    def keeps_samples(self) -> bool:
        """Whether reference samples are drawn before the critic's first update."""
        return self.config.moves_particles and self.config.transport.samples_per_state > 0

    def update_reference(self) -> Tensor:
        """Take one gradient update of the reference policy; returns its loss, a scalar."""
        loss = self._reference_update()["reference_loss"]
        done = self.progress
        self.progress = Progress(reference_updates=done.reference_updates + 1, critic_updates=done.critic_updates)
        return loss

    def update_critic(self) -> dict[str, Tensor]:
        """Take one update of the method: the critic, its target, what stands beside it; returns scalars."""
        metrics = self._critic_update()
        done = self.progress
        self.progress = Progress(reference_updates=done.reference_updates, critic_updates=done.critic_updates + 1)
        return metrics

    def adopt_reference(self, tensors: dict[str, Tensor]) -> None:
        """Begin with a finished reference policy: its weights, as `models.reference` names them."""
        self.models.reference.load_state_dict(tensors)
        self.progress = Progress(reference_updates=self.config.reference.num_updates, critic_updates=0)

    def fill_cache(self, report: Callable[[int], None]) -> None:
        """Draw the reference samples that `update_critic` uses, where the configuration asks for a cache."""
        if self.keeps_samples:
            self._next_particles.fill(self._next_observations, report)

    def state(self) -> dict[str, Tensor]:
        """Return everything that a checkpoint must hold for a bit-equal continuation."""
        tensors = checkpoint.prefixed("models", self.models.state_dict())
        for name, optimiser in self._optimisers.items():
            tensors |= checkpoint.prefixed(name, checkpoint.adam_state(optimiser))
        return {**tensors, "generator": self._generator.get_state()}

    def restore(self, tensors: dict[str, Tensor], progress: Progress) -> None:
        """Continue where `state` was taken."""
        self.models.load_state_dict(without_prefix("models", tensors))
        for name, optimiser in self._optimisers.items():
            checkpoint.load_adam_state(optimiser, without_prefix(name, tensors))
        self._generator.set_state(tensors["generator"])
        self.progress = progress

    def _descend_reference(self) -> dict[str, Tensor]:
        rows = self._rows()
        loss = self.models.reference.loss(self._observations[rows], self._actions[rows], self._generator)
        descend(self._reference_adam, loss, self.config.reference.gradient_clip)
        return {"reference_loss": loss.detach()}

    def _rows(self) -> Tensor:
        device = self._rewards.device
        return torch.randint(len(self._rewards), (self.config.batch_size,), generator=self._generator, device=device)

    def _batch(self, rows: Tensor) -> Batch:
        return Batch(
            rows=rows,
            observations=self._observations[rows],
            actions=self._actions[rows],
            rewards=self._rewards[rows],
            masks=self._masks[rows],
            next_observations=self._next_observations[rows],
        )
