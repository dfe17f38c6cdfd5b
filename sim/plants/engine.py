"""MuJoCo, imported when it is first needed: `prepare` has to choose its OpenGL before that."""

from __future__ import annotations

import importlib
from typing import Any


def mujoco() -> Any:
    """Return the module; its names come from a binary that type checkers cannot look into."""
    return importlib.import_module("mujoco")
