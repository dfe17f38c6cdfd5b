"""Graphs on a device, behind one protocol."""

from vgf_robot.backends.graphs import Backend, Graphs, Selected, StepResult
from vgf_robot.backends.registry import backend_names, load_backend
from vgf_robot.backends.signature import Signature, signatures

__all__ = [
    "Backend",
    "Graphs",
    "Selected",
    "Signature",
    "StepResult",
    "backend_names",
    "load_backend",
    "signatures",
]
