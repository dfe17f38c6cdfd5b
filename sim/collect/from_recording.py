"""`collect --from-recording`: what robots did under a policy, as a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.collect.layouts import Layout, layout_of, write_pieces
from sim.collect.recorded import pieces_of


def collect_recording(
    recordings: Sequence[Path], out: Path, *, layout: Layout | None, reward: float | None
) -> dict[str, Any]:
    """Write a dataset of recordings, and return its row.

    Args:
        recordings: Files or folders of `vgf-robot record`.
        out: The dataset.
        layout: None for the one that the name of `out` says.
        reward: Of every row; None leaves them out.

    Raises:
        ConfigError: The layout is not known, or needs a reward.
        DatasetError: A recording cannot be read, or has no transition.
        MachineError: A package is not installed.
    """
    from vgf_robot.recording import Recording  # here, since most datasets are made without an MCAP file

    wanted = layout_of(out, layout)
    recording = Recording(recordings)
    found = pieces_of(recording.ticks())
    write_pieces(found.pieces, out, wanted, reward)
    rows = sum(len(piece.actions) for piece in found.pieces)
    return {
        "file": str(out),
        "layout": wanted,
        "ticks": found.ticks,
        "episodes": len(found.pieces),
        "steps": rows,
        "transitions": rows - len(found.pieces),
        "unsent": found.unsent,
        "gaps": found.gaps,
        "lone": found.lone,
        "reward": reward,
        "warnings": recording.warnings,
    }
