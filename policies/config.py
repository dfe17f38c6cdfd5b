"""The configuration of a training run: one complete YAML file per named set-up."""

from __future__ import annotations

from typing import Literal

import msgspec

from policies.critic import Aggregation
from policies.transport import Form, Optimiser
from vgf_robot.errors import ConfigError


class FieldConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named run of entries of the observation or action vector.

    Attributes:
        name: What is measured or commanded.
        size: Number of entries.
        unit: SI unit, or `1`.
        low: Lower limit of each entry; actions only.
        high: Upper limit of each entry; actions only.
    """

    name: str
    size: int
    unit: str
    low: float | None = None
    high: float | None = None


class TaskConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the robot is; goes into the bundle's manifest as it stands.

    Attributes:
        environment: Identifier of the environment, such as `cube-single-singletask-v0`.
        control_period_s: Period at which the data was recorded, in seconds.
        action_kind: What holding an action means.
        observation: Fields in the order of the observation vector.
        action: Fields in the order of the action vector, each with its limits.
        safe_action: The action of the last rung of the fallback ladder.
        action_rate_limit: Largest change per second of each action entry, or None.
    """

    environment: str
    control_period_s: float
    action_kind: Literal["absolute", "delta", "velocity", "torque"]
    observation: tuple[FieldConfig, ...]
    action: tuple[FieldConfig, ...]
    safe_action: tuple[float, ...]
    action_rate_limit: tuple[float, ...] | None = None


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the data is and how its rewards are read.

    Attributes:
        path: File, relative to the working directory.
        layout: `ogbench` (npz with rewards and masks) or `d4rl` (HDF5).
        reward_scale: Factor on every reward.
        reward_shift: Added after scaling.
        observation_scaling: `none`, or `standard` for zero mean and unit deviation.
    """

    path: str
    layout: Literal["ogbench", "d4rl"]
    reward_scale: float = 1.0
    reward_shift: float = 0.0
    observation_scaling: Literal["none", "standard"] = "none"


class ReferenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reference policy and its training.

    Attributes:
        hidden_sizes: Width of each hidden layer.
        num_steps: K, Euler steps of a sample.
        num_updates: Gradient updates.
        learning_rate: Adam's.
    """

    hidden_sizes: tuple[int, ...] = (512, 512, 512, 512)
    num_steps: int = 10
    num_updates: int = 1_000_000
    learning_rate: float = 3e-4


class CriticConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The critic ensemble and its training.

    Attributes:
        hidden_sizes: Width of each hidden layer.
        ensemble_size: E.
        num_updates: Gradient updates.
        learning_rate: Adam's.
        discount: Per step.
        polyak_rate: tau, how far the target critic moves towards the critic per update.
        target_aggregation: How the target ensemble becomes one value.
        gradient_clip: Largest global norm of the gradient, or None.
    """

    hidden_sizes: tuple[int, ...] = (512, 512, 512, 512)
    ensemble_size: int = 2
    num_updates: int = 1_000_000
    learning_rate: float = 3e-4
    discount: float = 0.99
    polyak_rate: float = 0.005
    target_aggregation: Aggregation = "mean"
    gradient_clip: float | None = None


class TransportConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The flow inside the TD target.

    Attributes:
        form: `svgd`, `smoothed` or `independent`.
        optimiser: `adam` or `plain`.
        alpha: Temperature under the kernel.
        aggregation: How the online ensemble becomes the value that is climbed.
        num_particles: N.
        num_steps: L_train.
        step_size: Normalised action units.
        max_distance: Normalised action units, or None for no limit.
        samples_per_state: Reference samples drawn once per state and reused, of which each update takes N at random;
            0 draws new ones at every update (the authors' way, about twice the time).
    """

    form: Form = "svgd"
    optimiser: Optimiser = "adam"
    alpha: float = 0.5
    aggregation: Aggregation = "mean"
    num_particles: int = 10
    num_steps: int = 1
    step_size: float = 0.05
    max_distance: float | None = None
    samples_per_state: int = 16


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run.

    Attributes:
        name: The run's name; its folder is `runs/NAME` unless `--out` says otherwise.
        seed: Of weights, batches and noise.
        batch_size: States per update.
        checkpoint_every: Updates between checkpoints.
        log_every: Updates between rows of metrics.
        device: `cpu` or `cuda`.
        num_threads: CPU threads; runs are bit-equal for equal seeds on one thread.
    """

    name: str
    task: TaskConfig
    data: DataConfig
    reference: ReferenceConfig = ReferenceConfig()
    critic: CriticConfig = CriticConfig()
    transport: TransportConfig = TransportConfig()
    seed: int = 0
    batch_size: int = 256
    checkpoint_every: int = 10_000
    log_every: int = 500
    device: Literal["cpu", "cuda"] = "cpu"
    num_threads: int = 1

    @property
    def observation_size(self) -> int:
        """O, the sum of the observation fields' sizes."""
        return sum(field.size for field in self.task.observation)

    @property
    def action_size(self) -> int:
        """A, the sum of the action fields' sizes."""
        return sum(field.size for field in self.task.action)

    def action_limits(self) -> tuple[list[float], list[float]]:
        """Return the lower and upper limit of every action entry, in the robot's units.

        Raises:
            ConfigError: A field lacks a limit.
        """
        low: list[float] = []
        high: list[float] = []
        for field in self.task.action:
            if field.low is None or field.high is None:
                raise ConfigError(f"task.action: '{field.name}' needs its limits, `low` and `high`, in {field.unit}.")
            low += [field.low] * field.size
            high += [field.high] * field.size
        return low, high


def validate(config: TrainConfig) -> TrainConfig:
    """Return the configuration, or refuse values that no run, or no bundle made from it, can have.

    Raises:
        ConfigError: A value is out of its range, or two values disagree; names all of them.
    """
    rules = [*_task_rules(config), *_training_rules(config)]
    broken = [sentence for holds, sentence in rules if not holds]
    if broken:
        raise ConfigError(f"Configuration '{config.name}' is not usable; expected {'; '.join(broken)}.")
    return config


Rule = tuple[bool, str]


def _task_rules(config: TrainConfig) -> list[Rule]:
    task = config.task
    low, high = config.action_limits()
    fields = (*task.observation, *task.action)
    safe, limit = task.safe_action, task.action_rate_limit
    inside = len(safe) == len(low) and all(a <= x <= b for a, x, b in zip(low, safe, high, strict=True))
    return [
        (all(a < b for a, b in zip(low, high, strict=True)), "task.action: low < high in each field"),
        (all(field.size > 0 for field in fields), "task: sizes of 1 or more"),
        (len({field.name for field in fields}) == len(fields), "task: another name for each field"),
        (len(low) > 0 and config.observation_size > 0, "task: observation and action fields"),
        (inside, f"task.safe_action: {len(low)} entries inside the action's limits"),
        (limit is None or (len(limit) == len(low) and min(limit) > 0), f"task.action_rate_limit: {len(low)} positive"),
        (task.control_period_s > 0, "task.control_period_s: positive"),
    ]


def _training_rules(config: TrainConfig) -> list[Rule]:
    reference, critic, flow = config.reference, config.critic, config.transport
    sizes = (reference.hidden_sizes, critic.hidden_sizes)
    return [
        (config.batch_size > 0 and config.num_threads > 0, "batch_size and num_threads: positive"),
        (config.checkpoint_every > 0 and config.log_every > 0, "checkpoint_every and log_every: positive"),
        (all(hidden and min(hidden) > 0 for hidden in sizes), "hidden_sizes: at least one layer, widths positive"),
        (reference.learning_rate > 0 and critic.learning_rate > 0, "learning_rate: positive"),
        (reference.num_steps > 0, "reference.num_steps: positive"),
        (reference.num_updates > 0 and critic.num_updates > 0, "num_updates: positive"),
        (critic.ensemble_size > 0, "critic.ensemble_size: positive"),
        (0 <= critic.discount < 1, "critic.discount: in [0, 1)"),
        (0 < critic.polyak_rate <= 1, "critic.polyak_rate: in (0, 1]"),
        (critic.gradient_clip is None or critic.gradient_clip > 0, "critic.gradient_clip: positive or null"),
        (flow.num_particles > 0 and flow.num_steps >= 0, "transport: num_particles > 0, num_steps >= 0"),
        (flow.alpha > 0 and flow.step_size > 0, "transport: alpha and step_size positive"),
        (flow.max_distance is None or flow.max_distance > 0, "transport.max_distance: positive or null"),
        (
            flow.samples_per_state == 0 or flow.samples_per_state >= flow.num_particles,
            "transport.samples_per_state: 0, or at least num_particles",
        ),
    ]


def flat(config: TrainConfig) -> dict[str, object]:
    """Return every value of the configuration by its dotted name."""

    def walk(prefix: str, value: object) -> dict[str, object]:
        if isinstance(value, dict):
            return {name: found for key, item in value.items() for name, found in walk(f"{prefix}.{key}", item).items()}
        return {prefix[1:]: value}

    return walk("", msgspec.to_builtins(config))
