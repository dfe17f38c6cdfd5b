"""Drawing in a process of its own: a picture must neither disturb a clock nor end a run."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from vgf_robot.errors import VgfError

Drawn = TypeVar("Drawn")
_GL = "MUJOCO_GL"


def in_renderer(draw: Callable[..., Drawn | None], *arguments: Any, user_gl: str | None) -> Drawn | str:
    """Return what a function draws, or in one line why there is nothing.

    Args:
        draw: Draws; None says that nothing can draw here. It and its arguments travel to a fresh process.
        *arguments: The function's.
        user_gl: What the user set MUJOCO_GL to; None leaves the choice to the plants.
    """
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    try:
        return pool.submit(_draw, draw, arguments, user_gl).result()
    except BrokenProcessPool:
        return "No video: the process that draws ended without a word; OpenGL does not work here."
    finally:
        pool.shutdown(cancel_futures=True)


def _draw(draw: Callable[..., Drawn | None], arguments: tuple[Any, ...], user_gl: str | None) -> Drawn | str:
    # Plants that never drew said so in the environment that this process has inherited.
    os.environ.pop(_GL, None)
    if user_gl is not None:
        os.environ[_GL] = user_gl
    heard: list[str] = []
    _listen(heard)
    try:
        drawn = draw(*arguments)
    except VgfError as error:
        return f"No video: {error}"
    except Exception as error:  # MuJoCo, PyOpenGL, drivers and ffmpeg each raise their own
        return f"No video: {type(error).__name__}: {error}"
    return f"No video. {' '.join(heard[:1])}".strip() if drawn is None else drawn


def _listen(heard: list[str]) -> None:
    """Keep what the plants say about rendering instead of printing it from this process."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    logging.getLogger("sim").addHandler(Ear())
    logging.getLogger("sim").propagate = False
