"""How a variant draws its reference particles: by which rule, and with how many evaluations of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from policies.config import TrainConfig
from policies.models import Models
from policies.reference import FlowReference, Midpoint, Sampler, agreement
from policies.run_folder import RunFolder
from policies.shapes import Observations
from policies.student_file import read_student
from vgf_robot.bundle import SamplingRule
from vgf_robot.errors import ConfigError

NUM_PARTICLES = 10  # of each state, in the comparison of two ways


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """One way to draw.

    Attributes:
        rule: `euler` or `midpoint` steps of the flow; `one-step`, the network distilled from it; `one-pass`, what a
            Gaussian or the actor of fql does.
        num_steps: K, evaluations of the network: two for each midpoint step.
    """

    rule: SamplingRule = "euler"
    num_steps: int

    @property
    def file_suffix(self) -> str:
        """What tells the graph from those of the bundle's other ways."""
        return f"-k{self.num_steps}" if self.rule in ("euler", "one-pass") else f"-k{self.num_steps}-{self.rule}"


def read_samplings(text: str | None, config: TrainConfig) -> tuple[Sampling, ...]:
    """Return the ways that `--reference-steps` lists, such as 5,midpoint-4,one-step; most evaluations first.

    A bundle knows a way by its number of evaluations, so no two may have the same.

    Args:
        text: The list; None for the run's own way.
        config: The run's configuration.

    Raises:
        ConfigError: It is no such list, or the run has no such way.
    """
    if config.draws_in_one_pass:
        if text not in (None, "1"):
            what = "the actor of fql" if config.method == "fql" else "a gaussian reference"
            raise ConfigError(f"--reference-steps: {what} draws in one pass, found {text}; leave the option out.")
        return (Sampling(rule="one-pass", num_steps=1),)
    if text is None:
        return (Sampling(num_steps=config.reference.num_steps),)
    found = sorted((_read(part.strip(), text) for part in text.split(",")), key=lambda way: -way.num_steps)
    counts = [way.num_steps for way in found]
    if len(set(counts)) < len(counts):
        raise ConfigError(
            f"--reference-steps: expected another number of evaluations for each, by which a bundle tells them apart, "
            f"found '{text}' (one-step has 1, midpoint-4 has 4); leave one out."
        )
    return tuple(found)


def sampler_of(run: RunFolder, models: Models, rule: SamplingRule) -> Sampler:
    """Return what draws by a rule.

    Args:
        run: The run, which holds the distilled network.
        models: Its networks.
        rule: As in `Sampling`.

    Raises:
        ConfigError: The run has no flow.
        RunError: There is no distilled network of this flow.
    """
    if rule == "one-step":
        return read_student(run, models.reference)[0].eval().requires_grad_(False)
    if rule == "midpoint":
        if not isinstance(models.reference, FlowReference):
            raise ConfigError(f"{run.path} has no flow that could be drawn by the midpoint rule.")
        return Midpoint(models.reference)
    return models.sampler


@torch.no_grad()
def compare_samplings(samplers: Mapping[Sampling, Sampler], observations: Observations, action_size: int) -> list[Any]:
    """Return how far the particles of each further way are from those of the first one, for `receipt.json`.

    Args:
        samplers: What draws, by its way; the first is what the others stand in for.
        observations: Shape (B, O).
        action_size: A.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(observations), NUM_PARTICLES, action_size, generator=generator)
    (first, sampler), *others = samplers.items()
    expected = sampler(observations, noise, first.num_steps)
    return [
        {
            "reference_steps": way.num_steps,
            "sampler": way.rule,
            "against_reference_steps": first.num_steps,
            "against_sampler": first.rule,
            "observations": len(observations),
            **asdict(agreement(other(observations, noise, way.num_steps), expected)),
        }
        for way, other in others
    ]


def _read(part: str, text: str) -> Sampling:
    rule, separator, number = part.rpartition("-")
    if part == "one-step":
        return Sampling(rule="one-step", num_steps=1)
    if number.isdecimal() and int(number) > 0:
        if not separator:
            return Sampling(num_steps=int(number))
        if rule == "midpoint" and int(number) % 2 == 0:
            return Sampling(rule="midpoint", num_steps=int(number))
    raise ConfigError(
        "--reference-steps: expected numbers of Euler steps, midpoint- and an even number of evaluations, or one-step, "
        f"such as 5,midpoint-4,one-step, found '{text}'."
    )
