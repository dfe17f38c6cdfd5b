"""One MCAP file of records: JSON with its schema, in compressed chunks, each of them readable without the next."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import final

import msgspec
from mcap.writer import CompressionType, Writer

from vgf_robot.recording.form import RECORDER, TOPICS
from vgf_robot.recording.growing_file import GrowingFile, OpenSink, open_new
from vgf_robot.recording.schema import schema_of

CHUNK_BYTES = 256 * 1024


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it goes into a file.

    Attributes:
        topic: One of `TOPICS`.
        wall_ns: When it was published, nanoseconds since 1970.
        number: Of the record, in its publisher's run.
        content: JSON.
    """

    topic: str
    wall_ns: int
    number: int
    content: bytes

    @property
    def counts(self) -> int:
        """1 for a record that was received, 0 for the recorder's own."""
        return int(self.topic != RECORDER)


@final
class McapFile:
    """An MCAP file that grows; where writing fails it is cut back to its last whole chunk.

    Args:
        path: Of a file that is not there yet.
        open_sink: Opens it.

    Attributes:
        path: As given.
        written: Entries that count and are in whole chunks.
        waiting: Likewise, in the chunk that is being filled.

    Raises:
        OSError: The file cannot be made; nothing of it stays.
    """

    def __init__(self, path: Path, open_sink: OpenSink = open_new) -> None:
        self.path = path
        self.written = 0
        self.waiting = 0
        self._file = GrowingFile(path, open_sink)
        self._good = 0
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)  # pyright: ignore[reportArgumentType]
        try:
            self._writer.start(profile="", library="vgf-robot")
        except OSError:
            self._abandon()
            raise
        self._channels = {name: self._register(name) for name in TOPICS}
        self._good = self._file.tell()

    @property
    def num_bytes(self) -> int:
        """Size of the file so far."""
        return self._file.tell()

    def add(self, entry: Entry) -> None:
        """Add an entry; it is in the file with the chunk that it belongs to.

        Raises:
            OSError: The disk is full, or fails. The file is closed and ends with its last whole chunk; what was
                `waiting` is lost.
        """
        self.waiting += entry.counts
        try:
            self._writer.add_message(
                self._channels[entry.topic],
                log_time=entry.wall_ns,
                publish_time=entry.wall_ns,
                sequence=entry.number % 2**32,
                data=entry.content,
            )
        except OSError:
            self._abandon()
            raise
        self._note()

    def flush(self) -> None:
        """End the chunk, so that what was added is in the file.

        Raises:
            OSError: As for `add`.
        """
        try:
            self._writer.flush()
        except OSError:
            self._abandon()
            raise
        self._note()

    def finish(self) -> None:
        """Write the summary and close the file.

        Raises:
            OSError: As for `add`.
        """
        self.flush()
        try:
            self._writer.finish()
            self._file.close()
        except OSError:
            self._abandon()
            raise

    def _register(self, name: str) -> int:
        schema = self._writer.register_schema(f"vgf_robot.{name}", "jsonschema", schema_of(name))
        return self._writer.register_channel(f"/{name}", "json", schema)

    def _note(self) -> None:
        """Take note of a chunk that has been written."""
        if self._file.tell() > self._good:
            self.written, self.waiting, self._good = self.written + self.waiting, 0, self._file.tell()

    def _abandon(self) -> None:
        with suppress(OSError):  # a reader finds the last whole chunk without this, too
            self._file.cut(self._good)
        if not self.written:
            self.path.unlink(missing_ok=True)
