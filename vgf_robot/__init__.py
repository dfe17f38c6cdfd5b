"""Value-gradient-flow policies on a robot: a bundle in, actions before their deadlines out.

The public names are loaded when they are first used, so that `vgf-robot --help` and the other packages, which need
only the errors and the configuration, do not wait for the controller.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vgf_robot.bundle import Bundle, shipped_names
    from vgf_robot.controller import (
        Budget,
        Command,
        Controller,
        ControllerSettings,
        Episode,
        Reason,
        Rung,
        Status,
        Timings,
    )
    from vgf_robot.errors import VgfError
    from vgf_robot.security import ClientKeys
    from vgf_robot.wire import Answer, Client, Expectations, ExpectedField

__all__ = [
    "Answer",
    "Budget",
    "Bundle",
    "Client",
    "ClientKeys",
    "Command",
    "Controller",
    "ControllerSettings",
    "Episode",
    "Expectations",
    "ExpectedField",
    "Reason",
    "Rung",
    "Status",
    "Timings",
    "VgfError",
    "shipped_names",
]

_HOMES = {
    "bundle": ("Bundle", "shipped_names"),
    "controller": (
        "Budget",
        "Command",
        "Controller",
        "ControllerSettings",
        "Episode",
        "Reason",
        "Rung",
        "Status",
        "Timings",
    ),
    "errors": ("VgfError",),
    "security": ("ClientKeys",),
    "wire": ("Answer", "Client", "Expectations", "ExpectedField"),
}
_MODULES = {name: f"vgf_robot.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'vgf_robot' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
