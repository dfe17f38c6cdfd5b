"""The files in which Linux says what it is like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vgf_robot.errors import ConfigError
from vgf_robot.realtime import parse_core_list


@dataclass(frozen=True, slots=True)
class Tree:
    """Reads below a folder that stands for `/`.

    Attributes:
        root: The folder; `/` on a machine, another one in tests.
    """

    root: Path

    def text(self, path: str) -> str | None:
        """Return what a file says, without white space and NULs around it; None where there is none to read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip("\0 \t\n")
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """Return the whole number in a file; None where there is none."""
        return whole_number(self.text(path))

    def cores(self, path: str) -> tuple[int, ...] | None:
        """Return the list of cores in a file, such as `0-3`; None where there is none."""
        text = self.text(path)
        try:
            return None if text is None else parse_core_list(text)
        except ConfigError:
            return None

    def texts(self, pattern: str) -> tuple[str, ...]:
        """Return what the files of a pattern such as `sys/.../cpu*/online` say, in the order of their paths."""
        paths = sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))
        return tuple(text for path in paths if (text := self.text(path)) is not None)


def whole_number(text: str | None) -> int | None:
    """Return a text as a whole number; None where it is none."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
