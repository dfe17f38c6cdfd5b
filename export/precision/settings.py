"""Which precisions there are; how far a low one may be from float32 is said in `vgf_robot.receipts`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

LowPrecision = Literal["bfloat16", "float16"]
Precision = Literal["float32", "bfloat16", "float16"]

FLOAT32: Final = "float32"
PRECISIONS: tuple[Precision, ...] = (FLOAT32, "bfloat16", "float16")


def low_ones(precisions: Iterable[Precision]) -> tuple[LowPrecision, ...]:
    """Return those that are not float32."""
    return tuple(each for each in precisions if each != "float32")
