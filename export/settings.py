"""What an export decides beyond the run."""

from __future__ import annotations

from dataclasses import dataclass

from export.precision.settings import FLOAT32, Precision
from export.sampling import Sampling
from policies.critic import Aggregation
from policies.transport import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What an export decides beyond the run.

    Attributes:
        num_particles: Each N to write a variant of.
        samplings: Each way to draw reference particles, in variants of every N; the first is the operating point's, as
            a budget chooses among the N, never among these.
        max_steps: The cap until an evaluation seals a lower one; parity is checked up to it.
        form: The flow's form at run time.
        aggregation: The value that is climbed and by which a particle is chosen.
        step_values: Whether a step states the values of the particles that came in.
        num_parity_inputs: Observations in the parity check.
        precisions: Each precision to write every variant in; float32 is among them, as what the others are measured
            against.
        accept_precision: Keep a low precision beyond its limits; the bundle says so.
    """

    num_particles: tuple[int, ...]
    samplings: tuple[Sampling, ...]
    max_steps: int
    form: Form
    aggregation: Aggregation
    step_values: bool = True
    num_parity_inputs: int = 256
    precisions: tuple[Precision, ...] = (FLOAT32,)
    accept_precision: bool = False
