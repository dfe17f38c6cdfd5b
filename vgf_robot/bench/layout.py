"""What graphs without weights need to be filled: which numbers go where in their weights file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import msgspec

from vgf_robot.bundle import OperatingPoint, Transport, Variant
from vgf_robot.config import from_mapping
from vgf_robot.errors import BundleError

LAYOUT = "layout.json"
FLOAT32_BYTES = 4


class WeightTensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One float32 tensor of the weights file.

    Attributes:
        name: The parameter's name in the networks that the graphs were made from.
        shape: As stored.
        offset: First byte in the file.
        initial: How it is filled.
        fan_in: Inputs of its layer; `xavier_uniform` only.
        fan_out: Outputs of its layer; `xavier_uniform` only.
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    initial: Literal["xavier_uniform", "ones", "zeros"]
    fan_in: int | None = None
    fan_out: int | None = None

    @property
    def num_bytes(self) -> int:
        """Length in the file."""
        return math.prod(self.shape) * FLOAT32_BYTES


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `layout.json` holds, beside the graphs.

    Attributes:
        observation_size: O.
        action_size: A.
        transport: What the step graph does.
        operating_point: N, K, the cap and the step size.
        variant: The graphs' files.
        weights: Name of the weights file that the graphs refer to.
        tensors: Its contents, by offset.
    """

    observation_size: int
    action_size: int
    transport: Transport
    operating_point: OperatingPoint
    variant: Variant
    weights: str
    tensors: tuple[WeightTensor, ...]

    @property
    def num_bytes(self) -> int:
        """Length of the weights file."""
        return max(tensor.offset + tensor.num_bytes for tensor in self.tensors)


def read_layout(folder: Path) -> Layout:
    """Read the layout beside weightless graphs.

    Raises:
        BundleError: There is none in the folder.
        ConfigError: It has an unknown key or a value of the wrong type.
    """
    path = folder / LAYOUT
    if not path.is_file():
        raise BundleError(f"{path}: expected the layout of graphs without weights, found none; reinstall vgf-robot.")
    return from_mapping(msgspec.json.decode(path.read_bytes()), Layout, str(path))


def write_layout(folder: Path, layout: Layout) -> None:
    """Write the layout beside its graphs."""
    (folder / LAYOUT).write_bytes(msgspec.json.format(msgspec.json.encode(layout), indent=2) + b"\n")
