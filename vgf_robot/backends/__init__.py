"""Graphs on a device, behind one protocol.

What belongs to one backend is loaded when it is first used: its library may not be installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from vgf_robot.backends.bound import empty_buffers
from vgf_robot.backends.graphs import Backend, Floats, Graphs, Selected, StepResult
from vgf_robot.backends.registry import backend_names, installed_backends, load_backend
from vgf_robot.backends.signature import Signature, signatures

if TYPE_CHECKING:
    from vgf_robot.backends.onnxruntime_session import BoundGraph, open_session

__all__ = [
    "Backend",
    "BoundGraph",
    "Floats",
    "Graphs",
    "Selected",
    "Signature",
    "StepResult",
    "backend_names",
    "empty_buffers",
    "installed_backends",
    "load_backend",
    "open_session",
    "signatures",
]

_ONNX_RUNTIME = ("BoundGraph", "open_session")


def __getattr__(name: str) -> Any:
    if name not in _ONNX_RUNTIME:
        raise AttributeError(f"module 'vgf_robot.backends' has no attribute '{name}'")
    return getattr(importlib.import_module("vgf_robot.backends.onnxruntime_session"), name)
