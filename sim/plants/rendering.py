"""Which OpenGL MuJoCo shall use; it decides once, when it is first imported."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_LOG = logging.getLogger(__name__)
FRAME_WIDTH, FRAME_HEIGHT = 320, 240
_VARIABLE = "MUJOCO_GL"
_EGL_LIBRARY = "libEGL.so.1"
_CURE = "On Linux install libegl1 and libgl1-mesa-dri and leave MUJOCO_GL unset; everything else goes on."


def prepare(render: bool) -> bool:
    """Choose MuJoCo's OpenGL before MuJoCo is imported, and return whether there can be frames.

    What the user chose stays.

    Without rendering it is `disable`: looking for a display can hang on a machine that has none. With rendering on
    Linux it is EGL, which needs no display, but only where its library is: without it, importing MuJoCo would fail.

    Args:
        render: Whether somebody will want frames.
    """
    if _VARIABLE not in os.environ and "mujoco" not in sys.modules:
        if not render:
            os.environ[_VARIABLE] = "disable"
        elif sys.platform == "linux":
            os.environ[_VARIABLE] = "egl" if _loads(_EGL_LIBRARY) else "disable"
    if render and os.environ.get(_VARIABLE) == "disable":
        _LOG.warning("No frames: %s=disable, or %s is not installed. %s", _VARIABLE, _EGL_LIBRARY, _CURE)
        return False
    return render


class FrameSource:
    """Draws frames while that works; the first failure is said in one line, and from then on there are none."""

    def __init__(self, draw: Callable[[], NDArray[np.uint8]] | None) -> None:
        self._draw = draw

    def frame(self) -> NDArray[np.uint8] | None:
        """Return the current view, shape (height, width, 3), or None where nothing can draw."""
        if self._draw is None:
            return None
        try:
            return np.asarray(self._draw(), dtype=np.uint8)
        except Exception as error:  # MuJoCo, PyOpenGL and drivers each raise their own; a picture must not end a run
            _LOG.warning("No frames: MuJoCo cannot render here (%s: %s). %s", type(error).__name__, error, _CURE)
            self._draw = None
            return None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
