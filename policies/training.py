"""The training loop: the reference policy first, then the critic through transported reference samples.

The two losses share no parameter (algorithm: the reference is behaviour cloning alone), so training them one after
the other learns the same; the critic's targets then draw on a finished reference, whose samples can be kept.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from policies import checkpoint
from policies.checkpoint import Progress, without_prefix
from policies.config import TrainConfig
from policies.datasets import Transitions
from policies.models import Models, new_models
from policies.samples import SampleCache, draw_samples
from policies.targets import move_target, td_target

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
        device = config.device
        self._observations = transitions.observations.to(device)
        self._next_observations = transitions.next_observations.to(device)
        self._actions = self.models.action_scaling.normalise(transitions.actions.to(device))
        self._rewards = transitions.rewards.to(device)
        self._masks = transitions.masks.to(device)
        self._generator = torch.Generator(device=device).manual_seed(config.seed)
        self._cache: SampleCache | None = None
        self._reference_adam = _adam(self.models.reference, config.reference.learning_rate)
        self._critic_adam = _adam(self.models.critic, config.critic.learning_rate)
        self.progress = Progress(reference_updates=0, critic_updates=0)

    @property
    def num_transitions(self) -> int:
        """T, the number of transitions learnt from."""
        return len(self._rewards)

    def update_reference(self) -> Tensor:
        """Take one gradient update of the reference policy; returns its loss, a scalar."""
        rows = self._rows()
        action = self._actions[rows]
        noise = self._randn(action.shape)
        time = torch.rand((len(rows), 1), generator=self._generator, device=rows.device)
        loss = self.models.reference.loss(self._observations[rows], action, noise, time)
        _descend(self._reference_adam, loss)
        done = self.progress
        self.progress = Progress(reference_updates=done.reference_updates + 1, critic_updates=done.critic_updates)
        return loss.detach()

    def update_critic(self) -> dict[str, Tensor]:
        """Take one gradient update of the critic and move its target; returns loss and values, scalars."""
        rows, settings = self._rows(), self.config.critic
        particles = self._reference_particles(rows)
        target = td_target(
            self.models, self.config, self._rewards[rows], self._masks[rows], self._next_observations[rows], particles
        )
        values = self.models.critic(self._observations[rows], self._actions[rows])
        loss = (values - target).square().mean(-1).sum()
        _descend(self._critic_adam, loss, settings.gradient_clip)
        move_target(self.models.critic, self.models.target_critic, settings.polyak_rate)
        done = self.progress
        self.progress = Progress(reference_updates=done.reference_updates, critic_updates=done.critic_updates + 1)
        return {"critic_loss": loss.detach(), "value_mean": values.detach().mean(), "target_mean": target.mean()}

    def fill_cache(self, report: Callable[[int], None]) -> None:
        """Draw the reference samples that `update_critic` uses, where the configuration asks for a cache."""
        flow = self.config.transport
        if flow.samples_per_state and self._cache is None:
            self._cache = draw_samples(
                self.models.reference,
                self._next_observations,
                action_size=self.config.action_size,
                num_samples=flow.samples_per_state,
                num_steps=self.config.reference.num_steps,
                seed=self.config.seed,
                report=report,
            )

    def state(self) -> dict[str, Tensor]:
        """Return everything that a checkpoint must hold for a bit-equal continuation."""
        return {
            **checkpoint.prefixed("models", self.models.state_dict()),
            **checkpoint.prefixed("reference_adam", checkpoint.adam_state(self._reference_adam)),
            **checkpoint.prefixed("critic_adam", checkpoint.adam_state(self._critic_adam)),
            "generator": self._generator.get_state(),
        }

    def restore(self, tensors: dict[str, Tensor], progress: Progress) -> None:
        """Continue where `state` was taken."""
        self.models.load_state_dict(without_prefix("models", tensors))
        checkpoint.load_adam_state(self._reference_adam, without_prefix("reference_adam", tensors))
        checkpoint.load_adam_state(self._critic_adam, without_prefix("critic_adam", tensors))
        self._generator.set_state(tensors["generator"])
        self.progress = progress

    def _reference_particles(self, rows: Tensor) -> Tensor:
        flow = self.config.transport
        if flow.samples_per_state:
            if self._cache is None:
                raise RuntimeError("fill_cache() comes before update_critic().")
            return self._cache.take(rows, flow.num_particles, self._generator)
        noise = self._randn((len(rows), flow.num_particles, self.config.action_size))
        with torch.no_grad():
            return self.models.reference(self._next_observations[rows], noise, self.config.reference.num_steps)

    def _rows(self) -> Tensor:
        device = self._rewards.device
        return torch.randint(len(self._rewards), (self.config.batch_size,), generator=self._generator, device=device)

    def _randn(self, shape: tuple[int, ...] | torch.Size) -> Tensor:
        return torch.randn(shape, generator=self._generator, device=self._rewards.device)


def _adam(module: torch.nn.Module, learning_rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), lr=learning_rate, fused=True)


def _descend(optimiser: torch.optim.Adam, loss: Tensor, gradient_clip: float | None = None) -> None:
    optimiser.zero_grad()
    loss.backward()
    if gradient_clip is not None:
        torch.nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], gradient_clip)
    optimiser.step()
