"""A picture of where a tick's time goes, on every backend and in every precision."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.results import require_writable

Row = Mapping[str, Any]
STAGES = ("reference", "step", "select")
COLOURS = ("#8da0cb", "#fc8d62", "#66c2a5")


FORMATS = (".png", ".svg", ".pdf")


def require_drawable(path: Path) -> None:
    """Refuse a place where no picture can be drawn, before there is one.

    Raises:
        ConfigError: The file's name has another ending than .png, .svg or .pdf.
        MachineError: Matplotlib is not installed, or nothing can be written there.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(f"--plot: expected a name that ends in {', '.join(FORMATS)}, found '{path}'.")
    require_writable(path)
    _load_pyplot()


def draw(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Draw one bar per subject: its stages at the most steps, its p99, and its products' own time.

    Args:
        path: Ends in .png, .svg or .pdf.
        title: Above the bars.
        rows: As `advice` takes them.

    Raises:
        MachineError: Matplotlib is not installed.
        ConfigError: The file's name has another ending, or cannot be written.
    """
    pyplot = _load_pyplot()
    most = max(row["max_steps"] for row in rows)
    shown = [row for row in rows if row["max_steps"] == most]
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.45 * len(shown)), layout="constrained")
    places = range(len(shown))
    left = [0.0] * len(shown)
    for stage, colour in zip(STAGES, COLOURS, strict=True):
        widths = [_stage_ms(row, stage) for row in shown]
        axes.barh(places, widths, left=left, color=colour, label=f"{most} steps" if stage == "step" else stage)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.plot([row["tick_ms"]["p99"] for row in shown], places, "k|", markersize=14, label="tick, p99")
    roofs = [(row["roof_ms"], place) for place, row in zip(places, shown, strict=True) if row.get("roof_ms")]
    if roofs:
        axes.plot(*zip(*roofs, strict=True), "r|", markersize=14, label="products alone")
    axes.set_yticks(places, [_label(row) for row in shown])
    axes.invert_yaxis()
    axes.set_xlabel("ms")
    axes.set_title(title)
    axes.legend(loc="lower right", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(path)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path} cannot be drawn ({error}); give a file that ends in .png, .svg or .pdf.") from error
    finally:
        pyplot.close(figure)


def _stage_ms(row: Row, stage: str) -> float:
    times = row[f"{stage}_ms"]
    return 0.0 if times is None else times["p50"] * (row["max_steps"] if stage == "step" else 1)


def _label(row: Row) -> str:
    threads = f"{row['threads']} thread{'' if row['threads'] == 1 else 's'}"
    return f"{row['backend']}\n{row['precision']}, N = {row['num_particles']}, {threads}"


def _load_pyplot() -> Any:
    try:
        matplotlib = importlib.import_module("matplotlib")
        matplotlib.use("agg")
        return importlib.import_module("matplotlib.pyplot")
    except ModuleNotFoundError as error:
        raise MachineError("--plot needs the Python package 'matplotlib'; run `pip install matplotlib`.") from error
