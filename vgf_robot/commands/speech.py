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
    """Print a line unless that would wait or fail: a pipe that nobody empties must not stop the robot.

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

    def emit(self, record: logging.LogRecord) -> None:
        if not select.select([], [sys.stdout], [], 0)[1]:
            return
        try:
            print(self.format(record), flush=True)
        except BrokenPipeError:
            # Nobody will read any more; without this, Python would fail again when it leaves.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


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


_speaker = _Speaker()
_log = logging.getLogger("vgf_robot.says")
_log.setLevel(logging.INFO)
_log.propagate = False
_log.addHandler(_speaker)
