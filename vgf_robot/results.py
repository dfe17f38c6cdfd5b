"""Machine-readable output: one JSON object per verb, the same keys everywhere, and a table for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]


def write_json(path: Path, verb: str, settings: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write `{"verb", "version", "device", "settings", "rows"}`, creating the folder.

    Args:
        path: Where to write.
        verb: The verb or benchmark that made the rows.
        settings: Everything needed to repeat the command.
        rows: One object per result; keys as in docs/architecture.md.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "verb": verb,
        "version": version("vgf-robot"),
        "device": device_facts(),
        "settings": dict(settings),
        "rows": [dict(row) for row in rows],
    }
    path.write_text(json.dumps(content, indent=2, default=str) + "\n")


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
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console().print(table)


def _cell(value: Any) -> str:
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
