"""What simulation could draw with; the robot itself needs none."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from ctypes.util import find_library
from dataclasses import dataclass

from vgf_robot.doctor.finding import Finding, advice, ok

VARIABLE = "MUJOCO_GL"
LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}
_CURE = "for videos `apt install libegl1 libgl1-mesa-dri`; everything else goes without"


@dataclass(frozen=True, slots=True, kw_only=True)
class RendererFacts:
    """What there is to draw with.

    Attributes:
        choice: What the user set the variable to; None where it is not set.
        found: The libraries there are, of `egl` and `osmesa`.
    """

    choice: str | None
    found: tuple[str, ...]


def find_renderer(
    environment: Mapping[str, str] = os.environ, find: Callable[[str], str | None] = find_library
) -> RendererFacts:
    """Look for the libraries, without loading them."""
    return RendererFacts(
        choice=environment.get(VARIABLE) or None,
        found=tuple(name for name, library in LIBRARIES.items() if find(library) is not None),
    )


def check_renderer(facts: RendererFacts) -> Finding:
    """Judge whether simulation can draw without a display."""
    check, choice, there = "renderer", facts.choice, ", ".join(facts.found) or "none"
    if choice in LIBRARIES and choice not in facts.found:
        return advice(check, f"{VARIABLE}={choice}, but that library is not installed", f"unset {VARIABLE}; {_CURE}")
    if choice is not None:
        return ok(check, f"{VARIABLE}={choice}")
    if "egl" in facts.found:
        return ok(check, there)
    return advice(check, f"{there}, of egl", _CURE)
