"""Reference particles at the next states of a batch: kept samples, or new ones."""

from __future__ import annotations

from collections.abc import Callable

import torch

from policies.batch import Batch
from policies.config import TrainConfig
from policies.reference import ReferencePolicy
from policies.samples import SampleCache, draw_samples
from policies.shapes import Observations, Particles


class NextParticles:
    """N particles per next state, from a cache of M where `transport.samples_per_state` asks for one.

    Args:
        config: The run's configuration.
        reference: The reference policy, trained before the first particle is asked for.
        generator: Where noise and places in the cache come from.
    """

    def __init__(self, config: TrainConfig, reference: ReferencePolicy, generator: torch.Generator) -> None:
        self._config = config
        self._reference = reference
        self._generator = generator
        self._cache: SampleCache | None = None

    def fill(self, next_observations: Observations, report: Callable[[int], None]) -> None:
        """Draw the cache's samples, once; does nothing where none is asked for.

        Args:
            next_observations: Shape (T, O), of all transitions.
            report: Called with the number of states done after each chunk.
        """
        if self._config.transport.samples_per_state and self._cache is None:
            self._cache = draw_samples(
                self._reference,
                next_observations,
                action_size=self._config.action_size,
                num_samples=self._config.transport.samples_per_state,
                num_steps=self._config.reference.num_steps,
                seed=self._config.seed,
                report=report,
            )

    @torch.no_grad()
    def of(self, batch: Batch) -> Particles:
        """Return the particles at the batch's next states, shape (B, N, A)."""
        num_particles = self._config.transport.num_particles
        if self._config.transport.samples_per_state:
            if self._cache is None:
                raise RuntimeError("The samples must be drawn before the critic is updated: call fill() first.")
            return self._cache.take(batch.rows, num_particles, self._generator)
        shape = (len(batch.rows), num_particles, self._config.action_size)
        noise = torch.randn(shape, generator=self._generator, device=batch.rows.device)
        return self._reference(batch.next_observations, noise, self._config.reference.num_steps)
