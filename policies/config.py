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
        """Return the lower and upper limit of every action entry, in the robot's units."""
        low = [field.low for field in self.task.action for _ in range(field.size)]
        high = [field.high for field in self.task.action for _ in range(field.size)]
        return [float(value or 0.0) for value in low], [float(value or 0.0) for value in high]


def validate(config: TrainConfig) -> TrainConfig:
    """Return the configuration, or refuse values that no run can have.

    Raises:
        ConfigError: A value is out of its range, or two values disagree.
    """
    low, high = config.action_limits()
    transport = config.transport
    rules = [
        (all(a < b for a, b in zip(low, high, strict=True)), "task.action: each field needs low < high"),
        (len(config.task.safe_action) == config.action_size, "task.safe_action: one entry per action entry"),
        (config.task.control_period_s > 0, "task.control_period_s: positive"),
        (config.batch_size > 0, "batch_size: positive"),
        (config.checkpoint_every > 0 and config.log_every > 0, "checkpoint_every and log_every: positive"),
        (config.reference.num_steps > 0, "reference.num_steps: positive"),
        (config.reference.num_updates > 0 and config.critic.num_updates > 0, "num_updates: positive"),
        (config.critic.ensemble_size > 0, "critic.ensemble_size: positive"),
        (0 <= config.critic.discount < 1, "critic.discount: in [0, 1)"),
        (0 < config.critic.polyak_rate <= 1, "critic.polyak_rate: in (0, 1]"),
        (transport.num_particles > 0 and transport.num_steps >= 0, "transport: num_particles > 0, num_steps >= 0"),
        (transport.alpha > 0 and transport.step_size > 0, "transport: alpha and step_size positive"),
        (transport.max_distance is None or transport.max_distance > 0, "transport.max_distance: positive or null"),
        (
            transport.samples_per_state == 0 or transport.samples_per_state >= transport.num_particles,
            "transport.samples_per_state: 0, or at least num_particles",
        ),
    ]
    broken = [sentence for holds, sentence in rules if not holds]
    if broken:
        raise ConfigError(f"Configuration '{config.name}' is not usable; expected {'; '.join(broken)}.")
    return config
