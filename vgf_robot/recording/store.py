"""The files of a recorder: rotated, capped, and written again once a full disk has room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import final

from vgf_robot.recording.growing_file import OpenSink, open_new
from vgf_robot.recording.limits import Limits
from vgf_robot.recording.mcap_file import Entry, McapFile

PREFIX = "recording"
FAULT_PREFIX = "fault"
# A chunk is ended at least this often: what a killed recorder loses.
FLUSH_NS = 1_000_000_000
# How long a recorder leaves a full disk alone before it tries again.
RETRY_NS = 5_000_000_000


@final
class Store:
    """Writes entries to files of a folder.

    Args:
        folder: Made where it is missing.
        limits: How much may be written.
        tell: Takes a sentence about the disk.
        open_sink: Opens a file.

    Attributes:
        complaint: Why nothing can be written now, a sentence; empty where it can.
        files: Paths of the files written, in order; those that made room included.
        faults: Paths of the files of faults.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(
        self, folder: Path, limits: Limits, *, tell: Callable[[str], object], open_sink: OpenSink = open_new
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.complaint = ""
        self.files: list[Path] = []
        self.faults: list[Path] = []
        self._folder = folder
        self._limits = limits
        self._tell = tell
        self._open_sink = open_sink
        self._file: McapFile | None = None
        self._file_until_ns = 0
        self._next_flush_ns = 0
        self._retry_ns = 0
        self._written = 0
        self._lost = 0

    @property
    def written(self) -> int:
        """Entries that are in files, those of faults not counted again."""
        return self._written + (0 if self._file is None else self._file.written)

    @property
    def unwritten(self) -> int:
        """Entries that no file took, because the disk was full or failed."""
        return self._lost

    def add(self, entry: Entry, now_ns: int) -> None:
        """Write an entry, or count it where the disk does not take it.

        Args:
            entry: What to write.
            now_ns: Monotonic.
        """
        if self._file is None and not self._open(now_ns):
            self._lost += entry.counts
            return
        file = self._file
        if file is None:
            return
        try:
            file.add(entry)
            self._note(file)
            if file.num_bytes >= self._limits.file_mb * 1e6 or now_ns >= self._file_until_ns:
                self._end()
        except OSError as error:
            self._give_up(file, error, now_ns)

    def beat(self, now_ns: int) -> None:
        """End the chunk where its time has come, so that it is on the disk; call it a few times a second."""
        file = self._file
        if file is None or now_ns < self._next_flush_ns:
            return
        self._next_flush_ns = now_ns + FLUSH_NS
        try:
            file.flush()
            self._note(file)
        except OSError as error:
            self._give_up(file, error, now_ns)

    def keep_apart(self, entries: list[Entry], now_ns: int) -> None:
        """Write what came before a fault to a file of its own."""
        if not entries:
            return
        try:
            file = McapFile(self._path(FAULT_PREFIX, entries[-1]), self._open_sink)
            for entry in entries:
                file.add(entry)
            file.finish()
        except OSError as error:
            self._complain(error, now_ns)
            return
        self.faults.append(file.path)
        self._remove_oldest(FAULT_PREFIX, lambda kept: len(kept) > self._limits.max_faults)
        self._tell(f"fault: what came before it is in {file.path}")

    def close(self) -> None:
        """Finish the file."""
        file = self._file
        if file is None:
            return
        try:
            self._end()
        except OSError as error:
            self._give_up(file, error, 0)

    def _open(self, now_ns: int) -> bool:
        """Begin a file; return whether that was possible."""
        if self.complaint and now_ns < self._retry_ns:
            return False
        room = self._limits.total_gb * 1e9 - self._limits.file_mb * 1e6
        try:
            self._remove_oldest(PREFIX, lambda kept: sum(path.stat().st_size for path in kept) > room)
            self._file = McapFile(self._path(PREFIX, None), self._open_sink)
        except OSError as error:
            self._complain(error, now_ns)
            return False
        self.files.append(self._file.path)
        self._file_until_ns = now_ns + round(self._limits.file_minutes * 60e9)
        self._next_flush_ns = now_ns + FLUSH_NS
        return True

    def _end(self) -> None:
        """Finish the file; on a fault it stays what `_give_up` is told of."""
        if self._file is not None:
            self._file.finish()
            self._note(self._file)
            self._written += self._file.written
            self._file = None

    def _note(self, file: McapFile) -> None:
        """Take a complaint back once there is a chunk on the disk; its first bytes alone prove little."""
        if self.complaint and file.written:
            self.complaint = ""
            self._tell(f"recording again; {self._lost} records could not be written")

    def _give_up(self, file: McapFile, error: OSError, now_ns: int) -> None:
        self._written += file.written
        self._lost += file.waiting
        self._file = None
        self._complain(error, now_ns)

    def _complain(self, error: OSError, now_ns: int) -> None:
        self._retry_ns = now_ns + RETRY_NS
        if not self.complaint:
            self.complaint = f"{self._folder} cannot be written ({error.strerror or error})"
            self._tell(f"not recording: {self.complaint}; make room, it is tried again every {RETRY_NS // 10**9} s")

    def _path(self, prefix: str, entry: Entry | None) -> Path:
        """Return where a file may begin: named by the time, so that names sort as times do."""
        seconds = datetime.now(timezone.utc).timestamp() if entry is None else entry.wall_ns / 1e9
        moment = datetime.fromtimestamp(seconds, timezone.utc)
        stem = f"{prefix}-{moment:%Y%m%dT%H%M%S}.{moment.microsecond:06d}Z"
        path = self._folder / f"{stem}.mcap"
        turn = 1
        while path.exists():
            path, turn = self._folder / f"{stem}-{turn}.mcap", turn + 1
        return path

    def _remove_oldest(self, prefix: str, too_many: Callable[[list[Path]], bool]) -> None:
        """Remove files of the folder, oldest first, as long as there are too many."""
        kept = sorted(self._folder.glob(f"{prefix}-*.mcap"))
        while kept and too_many(kept):
            kept.pop(0).unlink(missing_ok=True)
