"""One run's whole configuration."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from policies.config.data import DataConfig
from policies.config.learning import CriticConfig, ReferenceConfig, TransportConfig
from policies.config.method import FqlConfig, IfqlConfig, MethodName
from policies.config.task import TaskConfig
from vgf_robot.errors import ConfigError


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run.

    Attributes:
        name: The run's name; its folder is `runs/NAME` unless `--out` says otherwise.
        method: What learns: `vgf`, `a-vgf`, `ifql` or `fql`.
        ifql: Constants of that method; `validate` fills in its defaults.
        fql: Constants of that method; `validate` fills in its defaults.
        seed: Of weights, batches and noise.
        batch_size: States per update.
        checkpoint_every: Updates between checkpoints.
        log_every: Updates between rows of metrics.
        device: `cpu` or `cuda`.
        precision: Of the hidden layers in training, `float32` or `bfloat16`; weights, output layers, losses and flow
            stay float32, and so does what is exported.
        num_threads: CPU threads; runs are bit-equal for equal seeds on one thread.
    """

    name: str
    task: TaskConfig
    data: DataConfig
    method: MethodName = "vgf"
    ifql: IfqlConfig | None = None
    fql: FqlConfig | None = None
    reference: ReferenceConfig = ReferenceConfig()
    critic: CriticConfig = CriticConfig()
    transport: TransportConfig = TransportConfig()
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    batch_size: int = 256
    checkpoint_every: int = 10_000
    log_every: int = 500
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bfloat16"] = "float32"
    num_threads: int = 1

    @property
    def observation_size(self) -> int:
        """O, the sum of the observation fields' sizes."""
        return sum(field.size for field in self.task.observation)

    @property
    def action_size(self) -> int:
        """A, the sum of the action fields' sizes."""
        return sum(field.size for field in self.task.action)

    @property
    def moves_particles(self) -> bool:
        """Whether the method transports; the rivals choose among samples."""
        return self.method in ("vgf", "a-vgf")

    @property
    def sampler_steps(self) -> int:
        """K of what draws particles at run time: 1 where it draws them in one pass."""
        return 1 if self.draws_in_one_pass else self.reference.num_steps

    @property
    def draws_in_one_pass(self) -> bool:
        """Whether particles are drawn without Euler steps: by the actor of fql, or a Gaussian."""
        return self.method == "fql" or self.reference.kind == "gaussian"

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


def flat(config: TrainConfig) -> dict[str, object]:
    """Return every value of the configuration by its dotted name."""

    def walk(prefix: str, value: object) -> dict[str, object]:
        if isinstance(value, dict):
            return {name: found for key, item in value.items() for name, found in walk(f"{prefix}.{key}", item).items()}
        return {prefix[1:]: value}

    return walk("", msgspec.to_builtins(config))
