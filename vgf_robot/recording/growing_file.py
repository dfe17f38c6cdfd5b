"""A file that is written once, from its beginning to its end, and can be cut back to where it was good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, final


class Sink(Protocol):
    """What an unbuffered file offers."""

    def write(self, data: bytes, /) -> int | None:
        """Write some of the bytes and return how many."""
        ...

    def truncate(self, size: int, /) -> int:
        """Cut the file."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


OpenSink = Callable[[Path], Sink]


def open_new(path: Path) -> Sink:
    """Open a file that is not there yet, without a buffer: what is written is with the operating system at once.

    Raises:
        OSError: It is there, or cannot be made.
    """
    return path.open("xb", buffering=0)


@final
class GrowingFile:
    """Writes whole or raises; a nearly full disk takes a part of what it is given, without a word.

    Args:
        path: Of a file that is not there yet.
        open_sink: Opens it.

    Attributes:
        path: As given.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path, open_sink: OpenSink = open_new) -> None:
        self.path = path
        self._sink = open_sink(path)
        self._size = 0

    def write(self, data: bytes) -> int:
        """Write all of the bytes.

        Raises:
            OSError: The disk is full, or fails; a part may have been written.
        """
        rest = memoryview(data)
        while rest:
            written = self._sink.write(bytes(rest)) or 0
            if not written:
                raise OSError(f"{self.path}: nothing could be written.")
            rest = rest[written:]
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        """Return how many bytes have been written whole."""
        return self._size

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def cut(self, size: int) -> None:
        """Cut the file back to a size, and close it.

        Raises:
            OSError: The disk fails.
        """
        try:
            self._sink.truncate(size)
        finally:
            self._sink.close()

    def close(self) -> None:
        """Close the file.

        Raises:
            OSError: The disk fails.
        """
        self._sink.close()
