"""What an export was asked for; where nothing is said, the run's own settings and the method's customs."""

from __future__ import annotations

from dataclasses import dataclass

from export.precision.settings import FLOAT32, PRECISIONS, Precision
from export.sampling import read_samplings
from export.settings import ExportSettings
from policies.config import MethodName, TrainConfig
from policies.critic import Aggregation
from policies.transport import Form
from vgf_robot.errors import ConfigError

PARTICLES: dict[MethodName, tuple[int, ...]] = {
    "vgf": (1, 10),
    "a-vgf": (1, 5),
    "ifql": (1, 32),  # best of 32, as published
    "fql": (1,),  # the actor's answer is the action
}
MAX_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """Options of `export` as they were given; None where they were not."""

    particles: str | None = None
    reference_steps: str | None = None
    max_steps: int | None = None
    form: Form | None = None
    aggregation: Aggregation | None = None
    precisions: str | None = None
    accept_precision: bool = False
    step_values: bool = False


def export_settings(request: ExportRequest, config: TrainConfig) -> ExportSettings:
    """Return what to export of a run.

    Args:
        request: What was asked for.
        config: The run's configuration.

    Raises:
        ConfigError: A number is out of its range, or the method has no such thing.
    """
    if request.step_values and config.method != "a-vgf":
        raise ConfigError(f"--step-values: the steps of {config.method} state values anyway; leave the option out.")
    return ExportSettings(
        num_particles=PARTICLES[config.method] if request.particles is None else particle_counts(request.particles),
        samplings=read_samplings(request.reference_steps, config),
        max_steps=_max_steps(request.max_steps, config),
        form=_form(request.form, config),
        aggregation=request.aggregation or config.transport.aggregation,
        precisions=precisions(request.precisions),
        accept_precision=request.accept_precision,
        step_values=request.step_values or config.method != "a-vgf",
    )


def particle_counts(text: str) -> tuple[int, ...]:
    """Return each N of a list such as 1,4,10, ascending.

    Raises:
        ConfigError: It is no such list.
    """
    try:
        values = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        values = ()
    if not values or values[0] < 1:
        raise ConfigError(f"--particles: expected positive whole numbers such as 1,4,10, found '{text}'.")
    return values


def precisions(text: str | None) -> tuple[Precision, ...]:
    """Return the precisions of a list such as float32,bfloat16, float32 first.

    Raises:
        ConfigError: It is no such list, or without float32, which the others are measured against.
    """
    if text is None:
        return (FLOAT32,)
    asked = {part.strip() for part in text.split(",")}
    if FLOAT32 not in asked or not asked <= set(PRECISIONS):
        raise ConfigError(
            f"--precisions: expected {FLOAT32} and any of {', '.join(PRECISIONS[1:])}, separated by commas, "
            f"found '{text}'."
        )
    return tuple(each for each in PRECISIONS if each in asked)


def _max_steps(asked: int | None, config: TrainConfig) -> int:
    if asked is None:
        return MAX_STEPS if config.moves_particles else 0
    if asked < 0:
        raise ConfigError(f"--max-steps: expected 0 or more, found {asked}.")
    if asked > 0 and not config.moves_particles:
        raise ConfigError(
            f"--max-steps: {config.method} chooses among samples and moves none, found {asked}; leave the option out, "
            "or train with the method vgf."
        )
    return asked


def _form(asked: Form | None, config: TrainConfig) -> Form:
    if asked not in (None, "independent") and config.method == "a-vgf":
        raise ConfigError(f"--form: a-vgf has no kernel, expected independent, found {asked}; leave the option out.")
    # Where nothing is moved a kernel would only make parity harder to judge: near-equal particles, divided by rounding.
    return asked or (config.transport.form if config.moves_particles else "independent")
