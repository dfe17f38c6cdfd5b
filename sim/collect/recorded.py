"""Recordings as pieces of episodes: rows that follow one another at the control period, with nothing left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.errors import DatasetError
from vgf_robot.telemetry import TickRecord, array_of

# Two observations follow one another where their distance in time is within this share of the control period.
TOLERANCE = 0.5


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive rows of one robot.

    Attributes:
        observations: Shape (T, O), as recorded, in the robot's units.
        actions: Shape (T, A), what the robot was sent after each, in its units.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]


@final
@dataclass(slots=True, kw_only=True)
class Pieces:
    """What came of a recording.

    Attributes:
        pieces: Of two rows or more.
        ticks: Ticks of the recording.
        unsent: Those after which the robot was sent nothing, or that have no observation; they end a piece.
        gaps: Ends of pieces because a tick is missing, or came too soon or too late.
        lone: Rows without another one before or after, which make no transition.
    """

    pieces: list[Piece] = field(default_factory=list)
    ticks: int = 0
    unsent: int = 0
    gaps: int = 0
    lone: int = 0


def pieces_of(ticks: Iterable[TickRecord]) -> Pieces:
    """Return the pieces of a recording.

    Args:
        ticks: In the order in which they were recorded; those of several robots may alternate.

    Raises:
        DatasetError: There is no transition in it, or robots of different kinds are.
    """
    found = Pieces()
    open_rows: dict[tuple[str, str, int], list[TickRecord]] = {}
    for tick in ticks:
        found.ticks += 1
        robot = tick.source, tick.identity, tick.episode
        rows = open_rows.setdefault(robot, [])
        if tick.sent is None or tick.observation is None:
            found.unsent += 1
            _close(rows, found)
            continue
        if rows and not _follows(rows[-1], tick):
            found.gaps += rows[-1].seed == tick.seed and tick.tick > rows[-1].tick
            _close(rows, found)
        rows.append(tick)
    for rows in open_rows.values():
        _close(rows, found)
    _check(found)
    return found


def _follows(before: TickRecord, tick: TickRecord) -> bool:
    """Whether a tick is the next one of the same episode, one control period later."""
    if tick.tick != before.tick + 1 or tick.seed != before.seed or tick.sequence == before.sequence:
        return False
    if tick.deadline_ns is None:  # a simulation waits for its actions: its time is not the clock's
        return True
    periods = ((tick.arrived_ns or 0) - (before.arrived_ns or 0)) / (1e9 * tick.control_period_s)
    return abs(periods - 1) <= TOLERANCE


def _close(rows: list[TickRecord], found: Pieces) -> None:
    if len(rows) > 1:
        found.pieces.append(
            Piece(
                observations=np.stack([array_of(row.observation) for row in rows if row.observation is not None]),
                actions=np.stack([array_of(row.sent) for row in rows if row.sent is not None]),
            )
        )
    elif rows:
        found.lone += 1
    rows.clear()


def _check(found: Pieces) -> None:
    if not found.pieces:
        raise DatasetError(
            f"Expected consecutive ticks with an observation and an action that was sent, found none among "
            f"{found.ticks}; record a robot that is engaged."
        )
    sizes = {(piece.observations.shape[1], piece.actions.shape[1]) for piece in found.pieces}
    if len(sizes) > 1:
        stated = ", ".join(f"({num}, {size})" for num, size in sorted(sizes))
        raise DatasetError(
            f"Expected ticks of one kind of robot, found sizes of observation and action {stated}; give the files of "
            "one of them."
        )
