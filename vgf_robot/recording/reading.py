"""Recordings read again: one file after the other, each of them whole or cut."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import final

from mcap.exceptions import EndOfFile, McapError
from mcap.records import Channel, Message
from mcap.stream_reader import StreamReader
from zstandard import ZstdError

from vgf_robot.errors import DatasetError
from vgf_robot.recording.form import TOPICS, from_json
from vgf_robot.recording.store import PREFIX
from vgf_robot.telemetry import Stamped, TickRecord

# No chunk of ours is near it; a damaged length must not ask for all of the memory.
MAX_RECORD_BYTES = 256_000_000
# What reading a damaged file can raise: a length in it may ask for any amount of memory.
_DAMAGED = (McapError, ZstdError, ValueError, KeyError, RuntimeError, MemoryError)


@final
class Recording:
    """Files of one recording, in order.

    Args:
        paths: Files, or folders of a recorder; a folder stands for its files but those of faults, which hold what is in
            the others already.

    Attributes:
        files: The files, in the order in which they are read.
        cut: Those found without an end so far, as a killed recorder leaves them; they are read up to there.

    Raises:
        DatasetError: A path is no file and no folder with one.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files = [file for path in paths for file in _files_of(path)]
        self.cut: list[Path] = []

    @property
    def warnings(self) -> list[str]:
        """What whoever uses the recording should know of it, in sentences."""
        return [
            f"{path} has no end: its recorder still runs, was killed, or had no room; read up to its last whole chunk."
            for path in self.cut
        ]

    def records(self) -> Iterator[Stamped]:
        """Yield every record in the order in which it was recorded.

        Raises:
            DatasetError: A file is damaged, no MCAP, of another version, or not made by `vgf-robot record`.
        """
        self.cut = []
        for path in self.files:
            yield from self._records_of(path)

    def ticks(self) -> Iterator[TickRecord]:
        """Yield the ticks alone; as `records`."""
        return (stamped.record for stamped in self.records() if isinstance(stamped.record, TickRecord))

    def _records_of(self, path: Path) -> Iterator[Stamped]:
        topics: dict[int, str] = {}
        with path.open("rb") as stream:
            reader = StreamReader(stream, validate_crcs=True, record_size_limit=MAX_RECORD_BYTES)
            try:
                for record in reader.records:
                    if isinstance(record, Channel):
                        topics[record.id] = record.topic.removeprefix("/")
                    elif isinstance(record, Message) and topics[record.channel_id] in TOPICS:
                        yield from_json(topics[record.channel_id], record.data)
            except (EndOfFile, struct.error):  # the file ends in the middle of something
                self.cut.append(path)
            except DatasetError as error:
                raise DatasetError(f"{path}: {error}; record and read with the same version of vgf-robot.") from error
            except _DAMAGED as error:
                raise DatasetError(f"{path} is no readable MCAP file ({error}); copy it again.") from error


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(path.glob(f"{PREFIX}-*.mcap"))
        if not files:
            raise DatasetError(f"{path}: expected a folder of `vgf-robot record`, found no {PREFIX}-*.mcap in it.")
        return files
    if not path.is_file():
        raise DatasetError(f"{path} does not exist; give a file or a folder of `vgf-robot record`.")
    return [path]
