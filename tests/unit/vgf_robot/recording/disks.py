"""Disks that are full when a test says so."""

from __future__ import annotations

import errno
from pathlib import Path

from vgf_robot.recording.growing_file import open_new


class Disk:
    """Opens real files, and has room for as many bytes as it is told; None for no end of it."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.largest_write: int | None = None

    def open(self, path: Path) -> Shelf:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return Shelf(self, open_new(path))


class Shelf:
    """One file; a write may take a part of what it is given, as a real one does."""

    def __init__(self, disk: Disk, file) -> None:
        self._disk, self._file = disk, file

    def write(self, data: bytes) -> int:
        disk, size = self._disk, len(data)
        if disk.largest_write is not None:
            size = min(size, disk.largest_write)
        if disk.room is not None:
            if disk.room == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            size = min(size, disk.room)
            disk.room -= size
        return self._file.write(data[:size])

    def truncate(self, size: int) -> int:
        return self._file.truncate(size)

    def close(self) -> None:
        self._file.close()
