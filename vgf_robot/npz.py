"""Npz files from anywhere: what is no whole one is refused in a sentence, whatever its bytes make NumPy raise."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vgf_robot.errors import DatasetError

# What NumPy and zipfile raise on damaged archives, header by header; found by damaging them at random.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
    SyntaxError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    AttributeError,
    TypeError,
    OverflowError,
    MemoryError,
    OSError,
)


def read_arrays(path: Path, advice: str, keys: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return arrays of an npz file as they stand in it.

    Args:
        path: The file.
        advice: What to do where it is damaged; ends the sentence.
        keys: Which arrays; those that are not there are left out. All where None.

    Raises:
        DatasetError: The file is missing, is no whole npz file, or holds pickled objects.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            names: list[str] = archive.files
            return {name: archive[name] for name in names if keys is None or name in keys}
    except _DAMAGE as error:
        detail = " ".join(str(error).split())
        raise DatasetError(f"{path} cannot be read ({detail}), expected a whole npz file; {advice}") from error
