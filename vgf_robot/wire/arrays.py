"""Arrays on the wire: dtype, shape and little-endian bytes, checked against what the bundle says."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Field
from vgf_robot.wire.faults import ErrorKind, RefusedError

DTYPES = {"<f4": np.dtype("<f4"), "<f8": np.dtype("<f8")}


class WireArray(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An array as three plain values.

    Attributes:
        dtype: `<f4` or `<f8`: little-endian float32 or float64.
        shape: Entries per axis.
        data: The entries in C order.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def pack(array: NDArray[np.float32] | NDArray[np.float64]) -> WireArray:
    """Return a float array as it goes on the wire; float64 stays float64, everything else becomes float32."""
    dtype = "<f8" if array.dtype == np.float64 else "<f4"
    return WireArray(dtype=dtype, shape=array.shape, data=array.astype(dtype, copy=False).tobytes())


def unpack(array: WireArray, fields: Sequence[Field]) -> NDArray[np.float32]:
    """Return the vector that the fields describe.

    Args:
        array: What came over the wire.
        fields: The vector's fields in order; their sizes add up to its length V.

    Returns:
        Shape (V,), float32, finite, read-only where the bytes were float32.

    Raises:
        RefusedError: Another dtype, another shape, bytes that do not fill it, or an entry that is not a finite float32.
    """
    size = sum(field.size for field in fields)
    if array.dtype not in DTYPES:
        raise RefusedError(ErrorKind.WRONG_DTYPE, expected="dtype '<f4' or '<f8'", found=f"dtype '{array.dtype[:16]}'")
    if array.shape != (size,):
        raise RefusedError(
            ErrorKind.WRONG_SHAPE,
            expected=f"shape ({size},): {_layout(fields)}",
            found=f"shape {array.shape if len(array.shape) <= 4 else f'of {len(array.shape)} axes'}",
        )
    num_bytes = size * DTYPES[array.dtype].itemsize
    if len(array.data) != num_bytes:
        raise RefusedError(ErrorKind.WRONG_LENGTH, expected=f"{num_bytes} bytes", found=f"{len(array.data)} bytes")
    vector = _vector(array)
    if not np.isfinite(vector).all():
        _refuse_non_finite(vector, fields)
    return vector


def _vector(array: WireArray) -> NDArray[np.float32]:
    if array.dtype == "<f4":
        return np.frombuffer(array.data, dtype="<f4")
    # Beyond float32's range it becomes infinite here, and is refused as such by the caller.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.frombuffer(array.data, dtype="<f8").astype(np.float32)


def _refuse_non_finite(vector: NDArray[np.float32], fields: Sequence[Field]) -> None:
    entry = int(np.flatnonzero(~np.isfinite(vector))[0])
    offset = entry
    for field in fields:
        if offset < field.size:
            raise RefusedError(
                ErrorKind.NON_FINITE,
                expected="finite float32 entries",
                found=f"{vector[entry]} in entry {entry}, which is {field.name}[{offset}]",
            )
        offset -= field.size


def _layout(fields: Sequence[Field]) -> str:
    return ", ".join(f"{field.name} ({field.size})" for field in fields)
