"""The episodes that are done, a line each, written as they end: what a killed suite goes on from."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, final

from sim.suite.cells import Cell, Key
from sim.suite.episode_row import Row
from vgf_robot.errors import DatasetError, MachineError


@final
class Journal:
    """Rows by their keys, on disk as soon as they are noted.

    Attributes:
        rows: Every row so far.
    """

    def __init__(self, file: IO[str], rows: dict[Key, Row]) -> None:
        self.rows = rows
        self._file = file

    def note(self, key: Key, row: Row) -> None:
        """Add a row, once; it survives whatever happens to this process from now on."""
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        self.rows[key] = row


@contextmanager
def open_journal(path: Path) -> Generator[Journal]:
    """Open a journal, made if missing, for one process at a time.

    A last line without an end is what was being written when a process was killed, and is taken back.

    Raises:
        MachineError: Another process has it open.
        DatasetError: A line is damaged.
    """
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise MachineError(f"{path.parent}: another process is at work there; wait for it, or end it.") from error
        file.seek(0)
        text = file.read()
        if (whole := _whole_lines(text)) != text:
            file.truncate(len(whole.encode()))
        yield Journal(file, {key_of(row): row for row in _parsed(whole, path)})


def read_journal(path: Path) -> dict[Key, Row]:
    """Return the rows of a journal, which another process may be writing; none where there is no file.

    Raises:
        DatasetError: A line is damaged.
    """
    text = _whole_lines(path.read_text(encoding="utf-8")) if path.exists() else ""
    return {key_of(row): row for row in _parsed(text, path)}


def key_of(row: Row) -> Key:
    """Return which episode a row is."""
    return Key(Cell(row["task"], row["scenario"], row["severity"], row["budget"]), row["episode"])


def _whole_lines(text: str) -> str:
    return text[: text.rfind("\n") + 1]


def _parsed(text: str, path: Path) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            rows.append(json.loads(line))
            key_of(rows[-1])
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{path}, line {number} is damaged; remove that line, and its episode is run again."
            ) from error
    return rows
