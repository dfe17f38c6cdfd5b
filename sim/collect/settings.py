"""What OGBench's authors ran to make each dataset, and the settings one collection was made with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version

import msgspec

from sim.collect.names import DatasetName, all_datasets
from vgf_robot.errors import ConfigError

_MANY_EPISODES = {
    "cube-triple": 3000, "cube-quadruple": 5000, "cube-octuple": 5000, "puzzle-4x5": 3000, "puzzle-4x6": 5000,
}  # fmt: skip
_LEAST = {"seed": 0, "episodes": 1, "episode_steps": 2, "noise": 0}
VALIDATION_SHARE = 10
"""One validation episode for every so many training episodes, and at least one."""
SMOOTHING = 0.5
"""Standard deviation, in control periods, of the Gaussian filter over the plan oracle's noise."""
MARKOV_MIN_NORM = 0.4
"""Shortest difference vector, in metres, that the Markov oracle steers by."""
STITCH_CELLS = 4
"""Distance in maze cells between the start and the goal of a stitch episode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The numbers of one official dataset.

    Source: OGBench (Park et al., ICLR 2025), appendix on datasets, and the commands published with it. For
    cube-octuple, whose command is not published, cube-quadruple's count stands in.
    """

    episodes: int
    """Training episodes."""
    episode_steps: int
    """Rows of one episode."""
    noise: float
    """Play: of the plan, as a share of the action's range. Noisy: upper bound of an episode's action noise. Maze:
    standard deviation of the action noise."""
    random_action_probability: float
    """Share of steps, 0 to 1, at which a uniformly random action replaces the oracle's."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an episode depends on beside its index; kept beside the parts and beside the finished dataset."""

    dataset: str
    seed: int
    episodes: int
    episode_steps: int
    noise: float
    random_action_probability: float
    ogbench: str
    mujoco: str

    @property
    def validation_episodes(self) -> int:
        """Episodes of the validation file."""
        return max(1, self.episodes // VALIDATION_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a user says of a collection; None leaves it to an earlier call, or to the official protocol."""

    seed: int | None = None
    """Root of all randomness, 0 or above."""
    episodes: int | None = None
    """Training episodes, at least 1."""
    episode_steps: int | None = None
    """Rows of one episode, at least 2."""
    noise: float | None = None
    """The protocol's noise, 0 or above."""

    def given(self) -> dict[str, int | float]:
        """Return what was said."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def official_protocol(name: DatasetName) -> Protocol:
    """Return the numbers that the official dataset was made with.

    Raises:
        ConfigError: The dataset's expert is a trained network, which OGBench does not ship with its package.
    """
    if name.is_manipulation:
        noisy = 0.2 if name.environment.startswith("puzzle") else 0.1
        return Protocol(
            episodes=_MANY_EPISODES.get(name.environment, 1000),
            episode_steps=1001,
            noise=0.1,
            random_action_probability=noisy if name.kind == "noisy" else 0.0,
        )
    if not name.is_pointmaze:
        known = ", ".join(str(other) for other in all_datasets() if other.is_pointmaze or other.is_manipulation)
        raise ConfigError(
            f"'{name}' was made by a trained expert that the ogbench package does not carry; download it with "
            f"--official, or collect one of: {known}."
        )
    episodes, steps = (5000, 201) if name.kind == "stitch" else (1000, 1001)
    if str(name) == "pointmaze-giant-navigate-v0":
        episodes, steps = 500, 2001
    return Protocol(episodes=episodes, episode_steps=steps, noise=0.5, random_action_probability=0.0)


def resolve(name: DatasetName, asked: Asked, found: Settings | None = None) -> Settings:
    """Return the settings of a collection: what was asked, else what was found, else the official protocol.

    The versions are those of now, whatever was found.

    Args:
        name: The dataset.
        asked: What the user said.
        found: Settings of a collection that was begun before.

    Raises:
        ConfigError: A number out of its range, or a dataset that cannot be collected here.
    """
    protocol = official_protocol(name)
    versions = {"ogbench": version("ogbench"), "mujoco": version("mujoco")}
    start = found or msgspec.convert({"dataset": str(name), "seed": 0, **asdict(protocol), **versions}, Settings)
    given = asked.given()
    for key, value in given.items():
        least = _LEAST[key]
        if not least <= value < 2**32:  # NaN fails too
            raise ConfigError(f"--{key.replace('_', '-')} is {value}, expected {least} or more (below 2^32).")
    return msgspec.structs.replace(start, **versions, **given)


def difference(found: Settings, asked: Settings, ignore: tuple[str, ...] = ()) -> str | None:
    """Return the first setting that differs, in words, or None."""
    for key in Settings.__struct_fields__:
        before, now = getattr(found, key), getattr(asked, key)
        if key not in ignore and before != now:
            return f"{key} {before}, asked for {now}"
    return None
