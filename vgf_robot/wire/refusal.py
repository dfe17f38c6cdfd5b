"""Why a message is refused: a closed set of kinds, and the facts that make a sentence."""

from __future__ import annotations

from enum import Enum

from vgf_robot.errors import ProtocolError


class ErrorKind(str, Enum):
    """Everything a server can answer instead of an action."""

    MALFORMED = "malformed"  # not msgpack, or not what the schema says
    UNKNOWN_TYPE = "unknown_type"
    WRONG_VERSION = "wrong_version"
    TOO_LARGE = "too_large"
    TOO_MANY_FRAMES = "too_many_frames"
    HANDSHAKE_REQUIRED = "handshake_required"
    MISMATCH = "mismatch"  # client and bundle disagree about the robot
    WRONG_DTYPE = "wrong_dtype"
    WRONG_SHAPE = "wrong_shape"
    WRONG_LENGTH = "wrong_length"  # bytes do not fill the shape
    NON_FINITE = "non_finite"
    BUDGET = "budget"
    STALE_SEQUENCE = "stale_sequence"
    STALE_OBSERVATION = "stale_observation"
    SUPERSEDED = "superseded"  # a newer observation of the same client took its place
    TOO_MANY_CLIENTS = "too_many_clients"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"

    @property
    def servers_fault(self) -> bool:
        """Whether the server could not, rather than the message would not do."""
        return self in (ErrorKind.TOO_MANY_CLIENTS, ErrorKind.SHUTTING_DOWN, ErrorKind.INTERNAL)


class RefusedError(ProtocolError):
    """A message that is not acted upon.

    Args:
        kind: Which of the closed set.
        expected: What would have been accepted.
        found: What came instead.
        advice: What to do, one sentence without its full stop.
        sequence: Sequence number of the message refused, where it is known.
    """

    def __init__(
        self, kind: ErrorKind, *, expected: str, found: str, advice: str = "", sequence: int | None = None
    ) -> None:
        super().__init__(f"{kind.value}: expected {expected}, found {found}" + (f"; {advice}." if advice else "."))
        self.kind = kind
        self.expected = expected
        self.found = found
        self.advice = advice
        self.sequence = sequence
