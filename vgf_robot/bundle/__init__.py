"""A bundle: the graphs of one policy and the manifest that says what a robot must know of it."""

from vgf_robot.bundle.bundle import Bundle, shipped_names
from vgf_robot.bundle.choice import best_row, choose_operating_point, chosen_on
from vgf_robot.bundle.manifest import (
    SCHEMA_VERSION,
    ActionKind,
    Field,
    Manifest,
    OperatingPoint,
    SamplingRule,
    Selection,
    Transport,
    Variant,
)
from vgf_robot.bundle.seal import write_manifest

__all__ = [
    "SCHEMA_VERSION",
    "ActionKind",
    "Bundle",
    "Field",
    "Manifest",
    "OperatingPoint",
    "SamplingRule",
    "Selection",
    "Transport",
    "Variant",
    "best_row",
    "choose_operating_point",
    "chosen_on",
    "shipped_names",
    "write_manifest",
]
