"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How much a finding matters.

    Attributes:
        OK: In order.
        ADVICE: Deadlines would be kept more surely another way.
        FAULT: The controller will not run, or not as it should.
    """

    OK = "ok"
    ADVICE = "advice"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: What was looked at.
        level: How much it matters.
        found: What it is like.
        cure: What to do about it; None where there is nothing to do.
    """

    check: str
    level: Level
    found: str
    cure: str | None = None


def ok(check: str, found: str) -> Finding:
    """Return that something is in order."""
    return Finding(check=check, level=Level.OK, found=found)


def advice(check: str, found: str, cure: str) -> Finding:
    """Return that something could be better."""
    return Finding(check=check, level=Level.ADVICE, found=found, cure=cure)


def untold(check: str) -> Finding:
    """Return that the system does not tell, as some containers do not."""
    return advice(check, "not told by this system", "run doctor on the robot itself, outside of a container")


def fault(check: str, found: str, cure: str) -> Finding:
    """Return that something is wrong."""
    return Finding(check=check, level=Level.FAULT, found=found, cure=cure)
