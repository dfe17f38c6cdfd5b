"""What an export decides beyond the run."""

from __future__ import annotations

from dataclasses import dataclass

from policies.critic import Aggregation
from policies.transport import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What an export decides beyond the run.

    Attributes:
        num_particles: Each N to write a variant of.
        reference_steps: K of every variant: a budget chooses among the N, never among the K.
        max_steps: The cap until an evaluation seals a lower one; parity is checked up to it.
        form: The flow's form at run time.
        aggregation: The value that is climbed and by which a particle is chosen.
        num_parity_inputs: Observations in the parity check.
    """

    num_particles: tuple[int, ...]
    reference_steps: int
    max_steps: int
    form: Form
    aggregation: Aggregation
    num_parity_inputs: int = 256
