"""The manifest: everything a robot must know of a policy, in one typed, versioned record.

A deployed number lives here and nowhere else. `export` seals it; the runtime only reads it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SCHEMA_VERSION = 1

ActionKind = Literal["absolute", "delta", "velocity", "torque"]
Selection = Literal["argmax", "softmax", "uniform"]
SamplingRule = Literal["euler", "midpoint", "one-step", "one-pass"]


class Record(msgspec.Struct, frozen=True):
    """Base of the manifest's records: immutable; `kw_only` is not inherited, so each says it.

    `Bundle.load` refuses a manifest with an unknown key. The records alone do not: some of them travel in a server's
    welcome, and a newer server may say more than an older client knows.
    """


class Field(Record, frozen=True, kw_only=True):
    """A named run of entries of the observation or action vector.

    Attributes:
        name: What is measured or commanded, such as `joint_position`.
        size: Number of entries.
        unit: SI unit or `1`.
        low: Smallest value per entry: for observations the smallest seen in training, for actions the limit.
        high: Largest value per entry, likewise.
    """

    name: str
    size: int
    unit: str
    low: tuple[float, ...]
    high: tuple[float, ...]


class Transport(Record, frozen=True, kw_only=True, omit_defaults=True):
    """How particles move; baked into the step graph, recorded for the reader.

    Attributes:
        form: `svgd`, `smoothed`, `independent`, or `amortised`: independent, by a network that predicts the gradient.
        optimiser: `adam` or `plain`.
        alpha: Temperature that divides the value gradient under the kernel.
        aggregation: How the critic ensemble becomes one value: `mean` or `min`.
        step_values: Whether a step states the values of the particles that came in, which `min_gain` asks for.
    """

    form: str
    optimiser: str
    alpha: float
    aggregation: str
    step_values: bool = True


class OperatingPoint(Record, frozen=True, kw_only=True):
    """The setting the bundle is deployed at; requests may lower it, never raise it.

    Attributes:
        num_particles: N, one of the variants.
        reference_steps: K, evaluations of the reference network, one of the variants.
        max_steps: The cap on transport steps L; 0 is a valid answer.
        step_size: Size of one transport step, in normalised action units.
        max_distance: Largest Euclidean distance of a particle from where it started, in normalised action units;
            None for no limit.
        min_gain: Once a step has raised the best particle's value by less, no further one is taken; None takes all.
        selection: How one particle is chosen.
        temperature: Softmax temperature in units of value; used by `softmax` only.
        sealed: Whether the setting was found by evaluation (`export --cap-from`) or is the exporter's first guess.
    """

    num_particles: int
    reference_steps: int
    max_steps: int
    step_size: float
    max_distance: float | None = None
    min_gain: float | None = None
    selection: Selection = "argmax"
    temperature: float = 1.0
    sealed: bool = False


class Variant(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The three graphs for one N and K; paths are relative to the bundle's folder.

    Attributes:
        num_particles: N.
        reference_steps: K, evaluations of the reference network.
        precision: Number format of the large matrix products.
        reference: The graph that draws particles.
        step: The graph that moves them.
        select: The graph that chooses one.
        sampler: How the first one draws: K `euler` steps of a flow; `midpoint`, half as many better ones; `one-step`, a
            network distilled from it; `one-pass`, what has no steps by itself. For the reader.
    """

    num_particles: int
    reference_steps: int
    precision: str
    reference: str
    step: str
    select: str
    sampler: SamplingRule = "euler"


class Manifest(Record, frozen=True, kw_only=True):
    """What `manifest.json` holds.

    Attributes:
        schema_version: Version of this record; a newer one is refused.
        name: The bundle's name.
        environment: Identifier of the environment it was trained for; the runtime only compares it.
        observation: Fields in the order of the observation vector.
        action: Fields in the order of the action vector, in the robot's units.
        action_kind: What holding an action means; decides which fallback rungs are legal.
        action_rate_limit: Largest change of each action entry per second, or None for no limit.
        safe_action: The action of the last rung of the ladder.
        control_period_s: The period the policy was trained at, in seconds.
        transport: What the step graph does.
        operating_point: The deployed setting.
        variants: The graphs there are.
        provenance: Data, configuration, seeds, commands and scores of the training; free-form, for the reader.
        files: sha256 of every other file of the bundle, by relative path.
    """

    schema_version: int
    name: str
    environment: str
    observation: tuple[Field, ...]
    action: tuple[Field, ...]
    action_kind: ActionKind
    action_rate_limit: tuple[float, ...] | None = None
    safe_action: tuple[float, ...]
    control_period_s: float
    transport: Transport
    operating_point: OperatingPoint
    variants: tuple[Variant, ...]
    provenance: dict[str, Any]
    files: dict[str, str]

    @property
    def observation_size(self) -> int:
        """Number of entries of the observation vector."""
        return sum(field.size for field in self.observation)

    @property
    def action_size(self) -> int:
        """Number of entries of the action vector."""
        return sum(field.size for field in self.action)

    @property
    def particle_counts(self) -> tuple[int, ...]:
        """Every N that a budget may choose, ascending: those with a variant at the sealed reference steps."""
        steps = self.operating_point.reference_steps
        return tuple(sorted({each.num_particles for each in self.variants if each.reference_steps == steps}))
