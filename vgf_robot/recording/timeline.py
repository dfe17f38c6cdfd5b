"""A recording by time: what was told in a stretch of it is read, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from mcap.exceptions import McapError
from mcap.reader import SeekingReader

from vgf_robot.errors import DatasetError
from vgf_robot.recording.form import TOPICS, from_json
from vgf_robot.recording.reading import MAX_RECORD_BYTES, Recording
from vgf_robot.telemetry import Stamped


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One file, by the wall clock of its publisher.

    Attributes:
        path: Of the file.
        begin_ns: Of its first record.
        end_ns: Of its last one.
        indexed: Whether it has an index; one that was cut is read from its beginning.
    """

    path: Path
    begin_ns: int
    end_ns: int
    indexed: bool


@final
class Timeline:
    """Reads stretches of a recording; times are nanoseconds since 1970 by the publisher's clock.

    Args:
        paths: As for `Recording`.

    Attributes:
        begin_ns: Of the first record.
        end_ns: Of the last one.

    Raises:
        DatasetError: As for `Recording`, or there is no record.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        files = Recording(paths).files
        self._parts = [part for part in map(_part, files) if part is not None]
        if not self._parts:
            raise DatasetError(f"{files[0]}: expected records, found none; give another recording.")
        self.begin_ns = min(part.begin_ns for part in self._parts)
        self.end_ns = max(part.end_ns for part in self._parts)

    def between(self, begin_ns: int, end_ns: int) -> Iterator[Stamped]:
        """Yield what was told from one moment to another, both included, in order within each file.

        Raises:
            DatasetError: As for `Recording.records`.
        """
        for part in self._parts:
            if part.begin_ns <= end_ns and part.end_ns >= begin_ns:
                yield from _between(part, begin_ns, end_ns)


def _part(path: Path) -> _Part | None:
    """Return where a file lies in time; None where it has no record."""
    try:
        with path.open("rb") as stream:
            summary = SeekingReader(stream, record_size_limit=MAX_RECORD_BYTES).get_summary()
    except (McapError, ValueError, OSError):  # no end: it was cut, or is no MCAP at all, which reading it will say
        summary = None
    if summary is not None and summary.statistics is not None:
        found = summary.statistics
        if not found.message_count:
            return None
        return _Part(path=path, begin_ns=found.message_start_time, end_ns=found.message_end_time, indexed=True)
    begin_ns = end_ns = None
    for stamped in Recording([path]).records():
        begin_ns = stamped.wall_ns if begin_ns is None else min(begin_ns, stamped.wall_ns)
        end_ns = stamped.wall_ns if end_ns is None else max(end_ns, stamped.wall_ns)
    if begin_ns is None or end_ns is None:
        return None
    return _Part(path=path, begin_ns=begin_ns, end_ns=end_ns, indexed=False)


def _between(part: _Part, begin_ns: int, end_ns: int) -> Iterator[Stamped]:
    if not part.indexed:
        for stamped in Recording([part.path]).records():
            if begin_ns <= stamped.wall_ns <= end_ns:
                yield stamped
        return
    with part.path.open("rb") as stream:
        reader = SeekingReader(stream, validate_crcs=True, record_size_limit=MAX_RECORD_BYTES)
        try:
            topics = [f"/{topic}" for topic in TOPICS]
            for _, channel, message in reader.iter_messages(topics, starting_at=begin_ns, ending_at=end_ns):
                yield from_json(channel.topic.removeprefix("/"), message.data)
        except (McapError, ValueError) as error:
            raise DatasetError(f"{part.path} is no readable MCAP file ({error}); copy it again.") from error
