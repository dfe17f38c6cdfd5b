"""What a training was asked for: the file, the command line over it, and, where a run goes on, what that run is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from policies.config import TrainConfig, flat, validate
from vgf_robot import config as yaml_config
from vgf_robot.errors import ConfigError

SETTABLE = {
    "method": "method",
    "data.path": "data",
    "seed": "seed",
    "reference.num_updates": "reference_updates",
    "reference.taken_from": "reference_from",
    "critic.num_updates": "critic_updates",
    "device": "device",
    "precision": "precision",
    "num_threads": "threads",
}
"""Keys of the configuration, and the options that replace them."""
LONGER = "critic.num_updates"
BY_METHOD = ("name", "ifql", "fql", "transport.form", "critic.target_selection")  # what another method brings with it
BY_LENDER = ("reference.learning_rate", "reference.gradient_clip")  # and the run that lends a reference policy


def resolve(path: Path, asked: Mapping[str, object]) -> TrainConfig:
    """Return the configuration of a file under the command line, so that what is saved is the whole truth.

    Args:
        path: The YAML file.
        asked: What the command line sets, by dotted key, of those in `SETTABLE`.

    Raises:
        ConfigError: A value will not do.
    """
    if "reference.taken_from" in asked and "reference.num_updates" in asked:
        raise ConfigError(
            "--reference-from takes a finished reference policy, and --reference-updates trains one; give one of them."
        )
    content = yaml_config.load(path, TrainConfig)
    given: dict[tuple[str, ...], object] = {tuple(key.split(".")): value for key, value in asked.items()}
    method = asked.get("method", content.method)
    if method != content.method:
        given |= {("name",): f"{content.name}-{method}"}
        given |= {("ifql",): None, ("fql",): None}  # constants of the configuration's own method
        if method == "a-vgf":
            given |= {("transport", "form"): "independent"}  # it has no kernel
        elif method in ("ifql", "fql"):
            given |= {("critic", "target_selection"): "mean"}  # they have one next action
    return validate(yaml_config.replace(content, given, "the command line"))


def resumed(given: TrainConfig, saved: TrainConfig, path: Path, asked: Mapping[str, object]) -> TrainConfig:
    """Return the configuration of a run that goes on, with more updates of the critic where those are asked for.

    A key that the command line can set may differ from the file: the command that began the run may have set it. What
    stays as it was is printed.

    Args:
        given: The file under the command line.
        saved: The run's own.
        path: The file, for the sentences.
        asked: What the command line sets, by dotted key.

    Raises:
        ConfigError: Anything else is asked for than the run is.
    """
    new, old = flat(given), flat(saved)
    brought = BY_METHOD if given.method != saved.method else ()
    brought += BY_LENDER if saved.reference.taken_from is not None else ()
    kept: list[str] = []
    longer: dict[tuple[str, ...], object] = {}
    for name in sorted(key for key in {**old, **new} if old.get(key) != new.get(key)):
        if name == LONGER and name in asked and given.critic.num_updates > saved.critic.num_updates:
            longer = {tuple(name.split(".")): given.critic.num_updates}
        elif name in asked:
            raise ConfigError(
                f"--resume goes on with the configuration of the run, whose {name} is {old.get(name)}, found "
                f"{new.get(name)}; leave --{SETTABLE[name].replace('_', '-')} out, or begin another run with --out. "
                "Only --critic-updates may be raised."
            )
        elif name in (*SETTABLE, *brought) or name.partition(".")[0] in brought:
            kept.append(f"{name} is {old.get(name)} (in {path}: {new.get(name)})")
        else:
            raise ConfigError(
                f"--resume goes on with the configuration of the run, and {path} now differs from it: {name} "
                f"is {new.get(name)}, the run has {old.get(name)}. Put it back, or begin another run with --out."
            )
    if kept:
        print(f"The run goes on as it began: {', '.join(kept)}.")
    if LONGER not in asked and given.critic.num_updates > saved.critic.num_updates:
        print(f"To train longer say --critic-updates {given.critic.num_updates}.")
    return yaml_config.replace(saved, longer, "the command line")
