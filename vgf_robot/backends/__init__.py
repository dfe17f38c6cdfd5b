"""Graphs on a device, behind one protocol.

What belongs to one backend is loaded when it is first used: its library may not be installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from vgf_robot.backends.bound import BoundGraphs, empty_buffers
from vgf_robot.backends.cache_folder import cache_folder, write_in_one_piece
from vgf_robot.backends.cuda import Gpu, open_gpu
from vgf_robot.backends.device_graphs import open_on_gpu
from vgf_robot.backends.graphs import Backend, Floats, Graphs, Selected, StepResult
from vgf_robot.backends.registry import backend_names, installed_backends, load_backend, why_not
from vgf_robot.backends.signature import Signature, dtype_of, signatures, variant_signatures

if TYPE_CHECKING:
    from vgf_robot.backends.onnxruntime_session import BoundGraph, open_session

__all__ = [
    "Backend",
    "BoundGraph",
    "BoundGraphs",
    "Floats",
    "Gpu",
    "Graphs",
    "Selected",
    "Signature",
    "StepResult",
    "backend_names",
    "cache_folder",
    "dtype_of",
    "empty_buffers",
    "installed_backends",
    "load_backend",
    "open_gpu",
    "open_on_gpu",
    "open_session",
    "signatures",
    "variant_signatures",
    "why_not",
    "write_in_one_piece",
]

_ONNX_RUNTIME = ("BoundGraph", "open_session")


def __getattr__(name: str) -> Any:
    if name not in _ONNX_RUNTIME:
        raise AttributeError(f"module 'vgf_robot.backends' has no attribute '{name}'")
    return getattr(importlib.import_module("vgf_robot.backends.onnxruntime_session"), name)
