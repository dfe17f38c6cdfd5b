"""Reference samples for every next state, drawn once and reused: the reference is trained before the critic."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from policies.reference import Sampler
from policies.shapes import Observations, Particles

ROWS_PER_CHUNK = 4096


class SampleCache:
    """M samples per state, from which an update takes N.

    Args:
        samples: Shape (T, M, A), normalised action units.
    """

    def __init__(self, samples: Tensor) -> None:
        self._samples = samples

    def take(self, states: Tensor, num_particles: int, generator: torch.Generator) -> Particles:
        """Return N of the M samples of each state: neighbours in a ring, from a random place.

        The samples of a state are independent and identically distributed, so any N of them are as good as others.

        Args:
            states: Shape (B,), indices.
            num_particles: N, at most M.
            generator: Where the random place comes from.
        """
        num_samples = self._samples.shape[1]
        start = torch.randint(num_samples, (len(states), 1), generator=generator, device=states.device)
        places = (start + torch.arange(num_particles, device=states.device)) % num_samples
        return self._samples[states[:, None], places]


@torch.no_grad()
def draw_samples(
    reference: Sampler,
    observations: Observations,
    *,
    action_size: int,
    num_samples: int,
    num_steps: int,
    seed: int,
    report: Callable[[int], None],
) -> SampleCache:
    """Draw M samples for each of T states; the result depends on the weights and the seed alone.

    Args:
        reference: The trained reference policy.
        observations: Shape (T, O), raw units.
        action_size: A.
        num_samples: M.
        num_steps: K.
        seed: Of the noise.
        report: Called with the number of states done after each chunk.
    """
    generator = torch.Generator(device=observations.device).manual_seed(seed)
    samples = observations.new_empty(len(observations), num_samples, action_size)
    states_per_chunk = max(1, ROWS_PER_CHUNK // num_samples)
    for start in range(0, len(observations), states_per_chunk):
        chunk = observations[start : start + states_per_chunk]
        noise = torch.randn(len(chunk), num_samples, action_size, generator=generator, device=observations.device)
        samples[start : start + len(chunk)] = reference(chunk, noise, num_steps)
        report(len(chunk))
    return SampleCache(samples)
