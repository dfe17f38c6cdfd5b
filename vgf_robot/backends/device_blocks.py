"""Tensors side by side in one block, on the host and on the GPU alike, so that one copy moves them all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from vgf_robot.backends.bound import Buffers
from vgf_robot.backends.cuda import Gpu
from vgf_robot.backends.signature import Shape, dtype_of

ALIGNMENT_BYTES = 256  # of each tensor's address


@final
class Block:
    """A block of tensors in the order of their names.

    Args:
        gpu: Where the block also lies.
        shapes: Shape by name, in order.

    Attributes:
        arrays: The tensors on the host, by name.
    """

    def __init__(self, gpu: Gpu, shapes: Mapping[str, Shape]) -> None:
        self._gpu = gpu
        self._places: dict[str, tuple[int, int]] = {}
        end = 0
        for name, shape in shapes.items():
            length = math.prod(shape) * np.dtype(dtype_of(name)).itemsize
            self._places[name] = (end, end + length)
            end += length + -length % ALIGNMENT_BYTES
        self._host = gpu.allocate_host(end)
        self._device = gpu.allocate(end)
        self.arrays: Buffers = {
            name: self._host[slice(*self._places[name])].view(dtype_of(name)).reshape(shape)
            for name, shape in shapes.items()
        }

    def address(self, name: str) -> int:
        """Return where a tensor lies on the GPU."""
        return self._device.address + self._places[name][0]

    def copy_in(self, names: Sequence[str]) -> None:
        """Queue one copy to the GPU, from the first to the last of these tensors."""
        start, end = self._span(names)
        self._gpu.copy_in(self._device.address + start, self._host[start:end])

    def copy_out(self, names: Sequence[str]) -> None:
        """Queue one copy from the GPU, likewise."""
        start, end = self._span(names)
        self._gpu.copy_out(self._host[start:end], self._device.address + start)

    def _span(self, names: Sequence[str]) -> tuple[int, int]:
        places = [self._places[name] for name in names]
        return min(start for start, _ in places), max(end for _, end in places)
