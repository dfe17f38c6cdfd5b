"""What a verb that runs for long says while it does: a line per event, never one per tick."""

from __future__ import annotations

import logging
import os
import select
import sys
from datetime import datetime, timezone
from typing import Any, Literal, final

import msgspec

LogFormat = Literal["text", "json"]


def say(line: str, event: str = "note", **facts: Any) -> None:
    """Print a line unless that would wait or fail: neither a pipe that nobody empties nor a full disk stops the robot.

    Lines that were lost are counted, and their number is said before the next one that is not.

    Args:
        line: For people.
        event: Its kind in one word, for programs; in JSON alone, as the next.
        facts: What msgspec can write as JSON.
    """
    _log.info("%s", line, extra={"event": event, "facts": facts})


def speak(log_format: LogFormat) -> None:
    """Say everything in a form from now on; as JSON, the warnings of this package too, which otherwise go to stderr."""
    if log_format == "json":
        _speaker.setFormatter(_Json())
        logging.getLogger("vgf_robot").addHandler(_speaker)


@final
class _Speaker(logging.Handler):
    """Writes to stdout as it is at the time, without waiting for whoever reads it."""

    def __init__(self) -> None:
        super().__init__()
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        if self._lost and _write(self.format(_gap(self._lost))):
            self._lost = 0
        if not _write(self.format(record)):
            self._lost += 1


@final
class _Json(logging.Formatter):
    """One object a line: `time` (UTC), `level`, `event`, `text`, the facts, and `trace` where something was raised."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        said = {"time": time, "level": record.levelname.lower(), "event": getattr(record, "event", "log")}
        said |= {"text": record.getMessage(), **getattr(record, "facts", {})}
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said).decode()


def _gap(lost: int) -> logging.LogRecord:
    """Return what is said of lines that could not be."""
    text = f"{lost} {'line' if lost == 1 else 'lines'} before this could not be written and went lost"
    return logging.makeLogRecord({"levelname": "WARNING", "msg": text, "event": "lost", "facts": {"lines": lost}})


def _write(line: str) -> bool:
    """Return whether a line was written whole.

    Not by `print`: what that cannot write stays in its buffer, and fails again when Python leaves.
    """
    try:
        sys.stdout.flush()
        rest = f"{line}\n".encode(sys.stdout.encoding, "replace")
        # A pipe that can be written to takes this much without waiting.
        while rest and select.select([], [sys.stdout], [], 0)[1]:
            rest = rest[os.write(sys.stdout.fileno(), rest[: select.PIPE_BUF]) :]
        return not rest
    except (AttributeError, OSError, ValueError):  # closed from the start; full, or nobody at the other end; closed
        return False


_speaker = _Speaker()
_log = logging.getLogger("vgf_robot.says")
_log.setLevel(logging.INFO)
_log.propagate = False
_log.addHandler(_speaker)
