"""A bundle: the graphs of one policy and the manifest that says what a robot must know of it."""

from vgf_robot.bundle.bundle import Bundle, shipped_names
from vgf_robot.bundle.manifest import Field, Manifest, OperatingPoint, Transport, Variant
from vgf_robot.bundle.seal import write_manifest

__all__ = [
    "Bundle",
    "Field",
    "Manifest",
    "OperatingPoint",
    "Transport",
    "Variant",
    "shipped_names",
    "write_manifest",
]
