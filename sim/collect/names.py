"""The names OGBench gives to datasets, tasks and files: `ENV-KIND-v0`, `ENV-singletask-taskN-v0`, `-val.npz`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vgf_robot.errors import ConfigError, suggestion

_CUBES = ("cube-single", "cube-double", "cube-triple", "cube-quadruple", "cube-octuple")
_PUZZLES = ("puzzle-3x3", "puzzle-4x4", "puzzle-4x5", "puzzle-4x6")
_POINTMAZES = ("pointmaze-medium", "pointmaze-large", "pointmaze-giant", "pointmaze-teleport")
_ANTMAZES = ("antmaze-medium", "antmaze-large", "antmaze-giant", "antmaze-teleport")
_HUMANOIDMAZES = ("humanoidmaze-medium", "humanoidmaze-large", "humanoidmaze-giant")
_ANTSOCCERS = ("antsoccer-arena", "antsoccer-medium")
_KINDS = {
    **dict.fromkeys((*_CUBES, "scene", *_PUZZLES), ("play", "noisy")),
    **dict.fromkeys((*_POINTMAZES, *_HUMANOIDMAZES, *_ANTSOCCERS), ("navigate", "stitch")),
    **dict.fromkeys(_ANTMAZES, ("navigate", "stitch", "explore")),
}
_NUM_TASKS = 5


class Split(str, Enum):
    """The two files of a dataset; the value names them in parts, summaries and seeds."""

    TRAIN = "train"
    VALIDATION = "val"

    @property
    def suffix(self) -> str:
        """What OGBench appends to the name of the file."""
        return "" if self is Split.TRAIN else "-val"


@dataclass(frozen=True, slots=True)
class DatasetName:
    """An OGBench dataset of state vectors, such as `cube-single-play-v0`."""

    environment: str
    kind: str

    def __str__(self) -> str:
        return f"{self.environment}-{self.kind}-v0"

    @property
    def environment_id(self) -> str:
        """The Gymnasium id of the environment without a task, such as `cube-single-v0`."""
        return f"{self.environment}-v0"

    @property
    def is_manipulation(self) -> bool:
        """Whether the arm acts (cube, scene, puzzle), and not a maze."""
        return self.environment in (*_CUBES, "scene", *_PUZZLES)

    @property
    def is_pointmaze(self) -> bool:
        """Whether the point mass acts: the one maze whose oracle needs no trained network."""
        return self.environment in _POINTMAZES

    @property
    def has_buttons(self) -> bool:
        """Whether OGBench's file carries `button_states`, without which no reward can be computed."""
        return self.environment == "scene" or self.environment in _PUZZLES

    def file(self, split: Split) -> str:
        """Return the dataset's file name, such as `cube-single-play-v0-val.npz`."""
        return f"{self}{split.suffix}.npz"


@dataclass(frozen=True, slots=True)
class TaskName:
    """One of the five tasks of an environment; number 0 is OGBench's default among them."""

    environment: str
    number: int

    def __str__(self) -> str:
        return f"{self.environment}-{self._infix}-v0"

    def file(self, dataset: DatasetName, split: Split) -> str:
        """Return the labelled file's name: what OGBench calls the dataset with this task, and `.npz`."""
        return f"{dataset.environment}-{dataset.kind}-{self._infix}-v0{split.suffix}.npz"

    @property
    def _infix(self) -> str:
        return "singletask" if self.number == 0 else f"singletask-task{self.number}"


def parse_dataset(text: str) -> DatasetName:
    """Return the dataset that a name stands for.

    Raises:
        ConfigError: OGBench has no dataset of that name, or it is one of images.
    """
    known = {str(name): name for name in all_datasets()}
    if text in known:
        return known[text]
    if text.startswith("visual-"):
        raise ConfigError(f"'{text}' holds images, expected a dataset of state vectors such as '{text[7:]}'.")
    if "-singletask-" in text:
        raise ConfigError(f"'{text}' names a task too; give the dataset alone (ENV-KIND-v0) and the task with --task.")
    raise ConfigError(f"'{text}' is no OGBench dataset; {suggestion(text, known)}")


def parse_task(text: str, dataset: DatasetName) -> TaskName:
    """Return the task that `default`, `1` to `5` or an environment id stands for.

    Raises:
        ConfigError: There is no such task, or it belongs to another environment than the dataset.
    """
    tasks = [TaskName(dataset.environment, number) for number in range(_NUM_TASKS + 1)]
    known = {str(task): task for task in tasks} | {str(task.number): task for task in tasks[1:]} | {"default": tasks[0]}
    if text in known:
        return known[text]
    others = (str(TaskName(name, number)) for name in _KINDS for number in range(_NUM_TASKS + 1))
    if text in others:
        raise ConfigError(f"Task '{text}' is of another environment, expected one of '{dataset.environment}'.")
    near = suggestion(text, known)
    raise ConfigError(f"'{text}' is no task of '{dataset}', expected default, 1 to {_NUM_TASKS} or an id; {near}")


def all_datasets() -> list[DatasetName]:
    """Return every dataset of state vectors that OGBench publishes."""
    return [DatasetName(environment, kind) for environment, kinds in _KINDS.items() for kind in kinds]
