"""A training run as its files show it: the simulation side knows the folder and none of the networks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vgf_robot.errors import RunError

_CONFIG = "config.yaml"


class _Task(msgspec.Struct, frozen=True):
    environment: str


class _Reference(msgspec.Struct, frozen=True):
    num_updates: int


class _Config(msgspec.Struct, frozen=True):
    """What is read of a run's resolved configuration; its other keys are not this package's."""

    name: str
    task: _Task
    reference: _Reference
    method: str = "vgf"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One kept state of the networks.

    Attributes:
        path: Its file.
        updates: Of both phases, the number in its name.
        critic_updates: Those of the critic; 0 where the reference was still learning.
    """

    path: Path
    updates: int
    critic_updates: int

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    def sha256(self) -> str:
        """Return the hash that a bundle made of it carries."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """One run.

    Attributes:
        path: Its folder.
        name: As configured.
        environment: The task it was trained for.
        method: Such as `vgf`.
        seed: Of the training.
        checkpoints: Oldest first.
    """

    path: Path
    name: str
    environment: str
    method: str
    seed: int
    checkpoints: tuple[Checkpoint, ...]

    @classmethod
    def open(cls, path: Path) -> RunFiles:
        """Read a run's folder.

        Raises:
            RunError: It holds no run, or its configuration cannot be read.
        """
        if not (path / _CONFIG).is_file():
            raise RunError(f"{path} is no run folder: it lacks {_CONFIG}; make one with `vgf-robot train`.")
        try:
            config = msgspec.yaml.decode((path / _CONFIG).read_bytes(), type=_Config)
        except msgspec.DecodeError as error:
            raise RunError(f"{path / _CONFIG} is no run's configuration ({error}); train the run again.") from error
        files = sorted((path / "checkpoints").glob("*.safetensors"))
        numbered = [(file, int(file.stem)) for file in files if file.stem.isdecimal()]
        first = config.reference.num_updates
        return cls(
            path=path,
            name=config.name,
            environment=config.task.environment,
            method=config.method,
            seed=config.seed,
            checkpoints=tuple(
                Checkpoint(path=file, updates=updates, critic_updates=max(0, updates - first))
                for file, updates in numbered
            ),
        )


def is_run(path: Path) -> bool:
    """Return whether a folder looks like a run's and not like a bundle's."""
    return (path / _CONFIG).is_file()
