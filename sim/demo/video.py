"""Live episodes drawn afterwards, from what the robot was told."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.demo.recording import Recording
from sim.plants import Plant, open_plant
from sim.renderer import in_renderer

_MIN_FPS = 5
_PAUSE_S = 0.5  # each episode's last picture stays for a moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A film of some live episodes at their real speed.

    Attributes:
        path: H.264 in an mp4.
        num_episodes: How many are in it.
        seconds: How long it is.
        frames_per_s: Pictures per second.
    """

    path: Path
    num_episodes: int
    seconds: float
    frames_per_s: float


def make_video(
    recordings: Sequence[Recording], path: Path, *, budget_s: float, video_s: float, user_gl: str | None
) -> Video | str:
    """Draw the first episodes that fit into the film.

    Args:
        recordings: At least one.
        path: Where to write.
        budget_s: Time that drawing may take; on a slow renderer there are fewer pictures per second.
        video_s: Length of the film, at most; one episode is in it however long it is.
        user_gl: What the user set MUJOCO_GL to; None leaves the choice to the plants.

    Returns:
        The film, or in one line why there is none.
    """
    return in_renderer(_film, _chosen(recordings, video_s), path, budget_s, user_gl=user_gl)


def _chosen(recordings: Sequence[Recording], video_s: float) -> list[Recording]:
    """Return episodes in their order, good or bad, as many as fit; always the first."""
    chosen, seconds = [recordings[0]], recordings[0].actions.shape[0] * recordings[0].control_period_s
    for recording in recordings[1:]:
        seconds += recording.actions.shape[0] * recording.control_period_s
        if seconds > video_s:
            break
        chosen.append(recording)
    return chosen


def _film(recordings: Sequence[Recording], path: Path, budget_s: float) -> Video | None:
    """Play the episodes back and write the film; None where nothing can draw."""
    import imageio.v2 as imageio

    period_s = recordings[0].control_period_s
    plant = open_plant(recordings[0].environment, render=True)
    try:
        stride = _stride(plant, recordings, budget_s)
        if stride is None:
            return None
        fps, count, num_episodes, until_s = 1 / (period_s * stride), 0, 0, time.monotonic() + budget_s
        with imageio.get_writer(path, fps=fps, codec="libx264", quality=7, macro_block_size=16) as writer:
            for recording in recordings:
                if num_episodes and time.monotonic() > until_s:
                    break
                for frame in _frames(plant, recording, stride, fps):
                    writer.append_data(frame)  # pyright: ignore[reportAttributeAccessIssue]  # imageio types its base class
                    count += 1
                num_episodes += 1
    finally:
        plant.close()
    return Video(path=path, num_episodes=num_episodes, seconds=count / fps, frames_per_s=fps)


def _stride(plant: Plant, recordings: Sequence[Recording], budget_s: float) -> int | None:
    """Return how many periods there are to one picture; None where nothing can be drawn."""
    plant.reset(recordings[0].seed)
    if plant.render() is None:  # the first one loads the renderer
        return None
    began_s = time.monotonic()
    plant.render()
    frame_s = time.monotonic() - began_s
    num_periods = sum(recording.actions.shape[0] for recording in recordings)
    slowest = max(1, int(1 / (_MIN_FPS * recordings[0].control_period_s)))
    return min(max(1, math.ceil(num_periods * frame_s / budget_s)), slowest)


def _frames(plant: Plant, recording: Recording, stride: int, fps: float) -> Iterator[NDArray[np.uint8]]:
    """Play one episode back and draw every so many periods, and its end."""
    plant.reset(recording.seed)
    frame = None
    for index, action in enumerate(recording.actions, start=1):
        plant.apply(action)
        if index % stride == 0 or index == recording.actions.shape[0]:
            frame = plant.render()
            if frame is not None:
                yield frame
    if frame is not None:
        yield from [frame] * round(_PAUSE_S * fps)
