"""OGBench's npz files: read with every defect named, written whole or not at all."""

from __future__ import annotations

import itertools
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sim.collect.names import DatasetName
from sim.collect.trajectory import dtype_of
from vgf_robot import npz
from vgf_robot.errors import DatasetError

_DIMENSIONS = {"terminals": 1}


def read_arrays(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Return some arrays of an npz file as they stand in it.

    Raises:
        DatasetError: The file is missing or damaged, or has no such key.
    """
    if not path.is_file():
        raise DatasetError(f"{path} does not exist, expected a dataset; collect it, or download it with --official.")
    arrays = npz.read_arrays(path, "make or fetch it anew.", keys)
    missing = [key for key in keys if key not in arrays]
    if missing:
        raise DatasetError(
            f"{path} has no '{missing[0]}', expected {', '.join(keys)}; it is not a dataset of states as OGBench "
            "writes it."
        )
    return {key: arrays[key] for key in keys}


def read_dataset(path: Path, name: DatasetName) -> dict[str, np.ndarray]:
    """Return a dataset's arrays, checked and in OGBench's types.

    Args:
        path: An npz file with T rows.
        name: What it is said to hold; environments with buttons must carry `button_states`.

    Returns:
        observations (T, O), actions (T, A), terminals (T,), qpos (T, Q), qvel (T, V), maybe button_states (T, B).

    Raises:
        DatasetError: The file is missing, damaged, incomplete, empty, not row-aligned, or holds NaN.
    """
    keys = ["observations", "actions", "terminals", "qpos", "qvel", *(["button_states"] if name.has_buttons else [])]
    arrays = read_arrays(path, keys)
    rows = len(arrays["terminals"]) if arrays["terminals"].ndim == 1 else 0
    for key, array in arrays.items():
        _check_array(path, key, array, rows)
    if not arrays["terminals"][-1]:
        raise DatasetError(f"{path} does not end with a terminal row, expected whole episodes; it was cut short.")
    return {key: array.astype(dtype_of(key), copy=False) for key, array in arrays.items()}


def write_archive(
    path: Path, keys: Sequence[str], num_rows: int, chunks: Callable[[str], Iterable[np.ndarray]]
) -> None:
    """Write a compressed npz file, one chunk of rows in memory at a time; equal arrays give equal bytes.

    Args:
        path: The file; what stood there is replaced only when the new file is whole.
        keys: The arrays, in order.
        num_rows: Rows of every array.
        chunks: Gives the row blocks of one key, at least one.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in keys:
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                blocks = iter(chunks(key))
                first = next(blocks)
                header = {"descr": first.dtype.str, "fortran_order": False, "shape": (num_rows, *first.shape[1:])}
                np.lib.format.write_array_header_1_0(entry, header)
                for block in itertools.chain([first], blocks):
                    entry.write(np.ascontiguousarray(block).tobytes())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, which takes its place at the end, and vanishes where that is not reached."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_array(path: Path, key: str, array: np.ndarray, num_rows: int) -> None:
    dimensions = _DIMENSIONS.get(key, 2)
    if array.ndim != dimensions or array.dtype.kind not in "biuf":
        raise DatasetError(
            f"In {path}, '{key}' is {array.dtype} of shape {array.shape}, expected {dimensions}-dimensional numbers."
        )
    if num_rows == 0 or len(array) != num_rows:
        raise DatasetError(
            f"In {path}, '{key}' has {len(array)} rows, expected {num_rows or 'some'} as in 'terminals'."
        )
    if not np.all(np.isfinite(array)):
        raise DatasetError(f"In {path}, '{key}' holds NaN or infinity, expected finite numbers; make or fetch it anew.")
