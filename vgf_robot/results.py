"""Machine-readable output: one JSON object per verb, the same keys everywhere, and a table for people."""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console
from rich.table import Table

from vgf_robot.errors import MachineError, ResultError

Row = Mapping[str, Any]


def write_json(path: Path, verb: str, settings: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write `{"verb", "version", "device", "settings", "rows"}`, whole or not at all, creating the folder.

    Args:
        path: Where to write.
        verb: The verb or benchmark that made the rows.
        settings: Everything needed to repeat the command.
        rows: One object per result; keys as in docs/architecture.md. NumPy's numbers and arrays become JSON's.

    Raises:
        ResultError: A number is not finite, for which JSON has no word; `finite` turns those into null.
        MachineError: The file cannot be written.
    """
    content = {
        "verb": verb,
        "version": version("vgf-robot"),
        "device": device_facts(),
        "settings": dict(settings),
        "rows": [dict(row) for row in rows],
    }
    plain = json.loads(json.dumps(content, default=_plain))  # NaN and infinity survive this, to be found by place
    if (place := next(_not_finite(plain, ""), None)) is not None:
        raise ResultError(f"The result {place}, expected finite numbers; nothing was written to {path}.")
    with _faults_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, json.dumps(plain, indent=2, allow_nan=False) + "\n")


def require_writable(path: Path) -> None:
    """Refuse a place where no result can be written, before the work is done; leaves nothing there.

    Raises:
        MachineError: It is a folder, or lies where nothing can be written.
    """
    with _faults_of(path):
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if _is_replaceable(path):
            folder = next(parent for parent in path.absolute().parents if parent.exists())
            with tempfile.TemporaryFile(dir=folder):  # asking for permissions would not find a read-only disk
                pass
        elif not os.access(path, os.W_OK):
            raise PermissionError(0, "permission denied")


def finite(content: Any) -> Any:
    """Return a result with null in the place of every number that is not finite."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]  # pyright: ignore[reportUnknownVariableType]
    is_number = isinstance(content, float | np.floating)
    return None if is_number and not math.isfinite(float(content)) else content  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def device_facts() -> dict[str, str | int]:
    """Return what a reader needs to know of this machine to judge a latency."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": _version_or_none("onnxruntime") or _version_or_none("onnxruntime-gpu") or "not installed",
    }


def latency_summary(samples_ms: ArrayLike) -> dict[str, float] | None:
    """Return p50, p95, p99, p999 and max of latencies in milliseconds, or None where there is no sample."""
    samples = np.asarray(samples_ms, dtype=np.float64)
    if samples.size == 0:
        return None
    quantiles = np.quantile(samples, [0.5, 0.95, 0.99, 0.999])
    names = ("p50", "p95", "p99", "p999")
    return {**{name: float(value) for name, value in zip(names, quantiles, strict=True)}, "max": float(samples.max())}


def print_table(title: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print rows as a table; a missing value is a dash, a latency shows its p50 and p99."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column not in ("mode", "task") else "left")
    for row in rows:
        table.add_row(*(cell_text(row.get(column)) for column in columns))
    Console().print(table)


def cell_text(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping) and "p50" in value:
        return f"{value['p50']:.2f} / {value['p99']:.2f}"  # pyright: ignore[reportUnknownMemberType]
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {count}" for key, count in value.items()) or "-"  # pyright: ignore[reportUnknownVariableType]
    return str(value)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version_or_none(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@contextmanager
def _faults_of(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise MachineError(
            f"{path} cannot be written ({reason}); give a file in a folder that is yours to write to, "
            "on a disk with room."
        ) from error


def _is_replaceable(path: Path) -> bool:
    """Return whether a draft may take this place: not that of a device such as /dev/stdout, nor of a link."""
    return not path.is_symlink() and (path.is_file() or not path.exists())


def _write_whole(path: Path, text: str) -> None:
    if not _is_replaceable(path):
        path.write_text(text, encoding="utf-8")
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"A result holds a {type(value).__name__}, for which JSON has no form.")


def _not_finite(content: Any, place: str) -> Iterator[str]:
    """Yield where a number is not finite, and what it is, such as `has rows[0].return_mean nan`."""
    if isinstance(content, dict):
        for key, value in content.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _not_finite(value, f"{place}.{key}".removeprefix("."))
    elif isinstance(content, list):
        for index, value in enumerate(content):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from _not_finite(value, f"{place}[{index}]")
    elif isinstance(content, float) and not math.isfinite(content):
        yield f"has {place} {content}"
