"""What faults have in common: how strong they are, where their random numbers come from, and what stands as a value."""

from __future__ import annotations

import zlib
from typing import Annotated

import msgspec
import numpy as np

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Severity = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""0 is no fault, 1 the fault as its file describes it."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all faults: immutable, unknown keys refused."""


def fault_generator(seed: int, fault: Fault) -> np.random.Generator:
    """Return the random numbers of one fault in one episode.

    They depend on the episode's seed and the kind of fault alone: neither another fault nor another severity changes
    them, so that a stronger fault is the same fault, and stronger.

    Args:
        seed: The episode's.
        fault: Whose.
    """
    return np.random.default_rng((seed, zlib.crc32(type(fault).__name__.encode())))
