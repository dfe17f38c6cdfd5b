"""The best and the worst episodes once more, for the eye: run again from their seeds, and drawn on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import msgspec
import numpy as np
from numpy.typing import NDArray

from sim.plants import DivisiblePlant, Plant, Transition, open_plant
from sim.plants.around import PlantAround
from sim.report.task import Task
from sim.suite.episode_row import Row
from sim.suite.journal import key_of
from sim.suite.suite import Suite
from sim.suite.work import EpisodeRunner, SuiteWork
from vgf_robot.bundle import Bundle

_FPS = 25.0  # at most
_FILM_S = 12.0  # longer episodes are shown faster
_DRAWING_S = 25.0  # a slow renderer draws fewer pictures
_PAUSE_S = 0.7  # the last picture stays for a moment
_MIN_FPS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An episode that is worth to be seen.

    Attributes:
        title: Why.
        row: The episode, as it was run for the suite.
    """

    title: str
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A scene that was drawn.

    Attributes:
        path: H.264 in an mp4.
        row: The episode, as it was run again.
        speed: How many times faster than the robot.
        frames_per_s: Pictures per second of the film.
    """

    path: Path
    row: Row
    speed: float
    frames_per_s: float


def scenes(task: Task, budget: str) -> list[Scene]:
    """Return the best episode of a budget, its worst without faults and its worst of all."""
    clear, all_rows = (
        [row for cell in cells if cell.budget == budget for row in task.episodes[cell]]
        for cells in (task.clear, task.rows)
    )
    found = {"Best episode without faults": max(clear, key=_worth), "Worst without faults": min(clear, key=_worth)}
    worst = min(all_rows, key=lambda row: (*_worth(row), row["severity"]))  # of equals the one of the weakest fault
    if worst["severity"] > 0:
        found[f"Worst of all, under {worst['scenario']} at {worst['severity']:g}"] = worst
    return [Scene(title=title, row=row) for title, row in found.items()]


def _worth(row: Row) -> tuple[bool, float]:
    return bool(row["success"]), row["return"]


def draw(suite: Suite, rows: Sequence[Row], folder: Path) -> list[Film] | None:
    """Run episodes again and write a film of each into a folder; None where nothing can draw.

    Frames would delay a real clock: what was run against it is run in lock-step here.
    """
    if suite.clock == "real-time":
        suite = msgspec.structs.replace(suite, clock="lock-step")
    bundles = {task.title: Bundle.load(task.bundle) for task in suite.tasks}
    films: list[Film] = []
    for number, row in enumerate(rows):
        camera = Camera(row["num_periods"])
        runner = EpisodeRunner(SuiteWork.of(suite, bundles, partial(_open, camera)))
        try:
            again = runner(key_of(row))
        finally:
            runner.close()
        if not camera.frames:
            return None
        path = folder / f"{number}.mp4"
        _write(path, camera.frames, camera.frames_per_s)
        films.append(Film(path=path, row=again, speed=camera.speed, frames_per_s=camera.frames_per_s))
    return films


@final
class Camera:
    """Takes a picture every so many periods of one episode.

    Attributes:
        frames: Shape (height, width, 3) each.
        frames_per_s: Of the film.
        speed: How many times faster than the robot the film is.
    """

    def __init__(self, num_periods: int) -> None:
        self.frames: list[NDArray[np.uint8]] = []
        self.frames_per_s = _FPS
        self.speed = 1.0
        self._num_periods = num_periods
        self._stride = 1
        self._count = 0

    def begin(self, plant: Plant) -> None:
        """See how long a picture takes, and choose how many there are."""
        self.frames.clear()
        self._count = 0
        period_s = plant.control_period_s
        self.speed = max(1.0, self._num_periods * period_s / _FILM_S)
        if plant.render() is None:  # the first one loads the renderer
            return
        began_s = time.monotonic()
        self._take(plant)
        frame_s = time.monotonic() - began_s
        wanted = max(self._num_periods * frame_s / _DRAWING_S, self.speed / (period_s * _FPS))
        slowest = max(1, int(self.speed / (period_s * _MIN_FPS)))
        self._stride = min(max(1, math.ceil(wanted)), slowest)
        self.frames_per_s = self.speed / (period_s * self._stride)

    def period(self, plant: Plant, *, last: bool) -> None:
        """Take a picture where it is time for one."""
        self._count += 1
        if self.frames and (self._count % self._stride == 0 or last):
            self._take(plant)

    def _take(self, plant: Plant) -> None:
        frame = plant.render()
        if frame is not None:
            self.frames.append(frame)


@final
class FilmedPlant(PlantAround):
    """A plant before a camera."""

    def __init__(self, plant: DivisiblePlant, camera: Camera) -> None:
        super().__init__(plant)
        self._camera = camera

    def reset(self, seed: int) -> NDArray[np.float32]:
        """Begin an episode and its film."""
        observation = self._plant.reset(seed)
        self._camera.begin(self._plant)
        return observation

    def apply(self, action: NDArray[np.float32] | None) -> Transition:
        """Simulate what is left of the control period, and look."""
        transition = self._plant.apply(action)
        self._camera.period(self._plant, last=transition.done)
        return transition


def _open(camera: Camera, environment_id: str) -> FilmedPlant:
    return FilmedPlant(open_plant(environment_id, render=True), camera)


def _write(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    import imageio.v2 as imageio

    with imageio.get_writer(path, fps=fps, codec="libx264", quality=6, macro_block_size=16) as writer:
        for frame in [*frames, *[frames[-1]] * round(_PAUSE_S * fps)]:
            writer.append_data(frame)  # pyright: ignore[reportAttributeAccessIssue]  # imageio types its base class
