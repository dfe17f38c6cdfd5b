"""Why there is no answer: what a server refuses, a closed set of kinds; and what a client finds in its place."""

from __future__ import annotations

from enum import Enum

from vgf_robot.errors import ProtocolError, ServerError
from vgf_robot.security import Role, Turned


class ErrorKind(str, Enum):
    """Everything a server can answer instead of an action; a newer one may know more kinds."""

    MALFORMED = "malformed"  # not msgpack, or not what the schema says
    UNKNOWN_TYPE = "unknown_type"
    WRONG_VERSION = "wrong_version"
    TOO_LARGE = "too_large"
    TOO_MANY_FRAMES = "too_many_frames"
    TOO_FAST = "too_fast"  # more at a time than is looked at of one sender
    FORBIDDEN = "forbidden"  # the key is not listed, not any more, or not for this
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
    ENGAGEMENT = "engagement"  # what was asked of engagement is not possible
    TOO_MANY_CLIENTS = "too_many_clients"
    OVERLOADED = "overloaded"  # with this client, deadlines would be missed
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"
    UNKNOWN = "unknown"  # of a newer server: never said by this program

    @classmethod
    def _missing_(cls, value: object) -> ErrorKind | None:
        """Read a kind that a newer server gives: its sentence still says what was refused and why."""
        return cls.UNKNOWN if isinstance(value, str) else None

    @property
    def servers_fault(self) -> bool:
        """Whether the server could not, rather than the message would not do."""
        return self in (
            ErrorKind.TOO_MANY_CLIENTS,
            ErrorKind.OVERLOADED,
            ErrorKind.SHUTTING_DOWN,
            ErrorKind.INTERNAL,
        )


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


def forbidden(role: Role | None) -> RefusedError:
    """Return the refusal of a message whose sender's key has not got what it takes.

    Args:
        role: What it takes; None for a key that is listed at all.
    """
    return RefusedError(
        ErrorKind.FORBIDDEN,
        expected="a key that is listed" if role is None else f"a key with the role '{role.value}'",
        found="one that is not" if role is None else "one without",
        advice="ask whoever runs the server to list it",
    )


class NoServerError(ServerError):
    """Nothing that speaks the protocol's transport accepts messages at the endpoint.

    Args:
        endpoint: Where the client looked.
        waited_s: For how long.
        lost: Whether there was a server before.
    """

    def __init__(self, endpoint: str, waited_s: float, *, lost: bool) -> None:
        what = "The server went away" if lost else "No server answers"
        super().__init__(
            f"{what} at {endpoint} (no connection within {waited_s:.3g} s); start one with "
            f"`vgf-robot serve BUNDLE --bind {endpoint}`, or correct the endpoint."
        )


class KeyRefusedError(NoServerError):
    """Somebody is at the endpoint and does not let this client in.

    Args:
        endpoint: Where the client looked.
        waited_s: For how long it tried.
        turned: How the handshakes ended.
        has_key: Whether the client showed a key.
    """

    def __init__(self, endpoint: str, waited_s: float, turned: Turned, *, has_key: bool) -> None:
        if turned is Turned.MISMATCH:
            found = "has no keys, and this client does" if has_key else "asks for a key, and this client has none"
            cure = "serve with --keys, or leave the client's out" if has_key else "give one (`vgf-robot keygen`)"
        else:
            found = "did not let this client in"
            cure = (
                "have its key listed with the role it needs in the server's clients.yaml, compare server.public with "
                "the server's own public key, look whether it has --keys at all, and read why in the server's output "
                "(`full` is no room for one more)"
                if has_key
                else "look whether that is a vgf-robot server that is not stopped, and whether it asks for a key"
            )
        ServerError.__init__(
            self, f"Whoever answers at {endpoint} {found} (no connection within {waited_s:.3g} s); {cure}."
        )


class ServerBusyError(ServerError):
    """The server is connected and did not answer in time; its answer is dropped should it still come.

    Args:
        endpoint: Where the server is.
        waited_s: How long the client waited.
        late: Answers of this server that came too late so far.
    """

    def __init__(self, endpoint: str, waited_s: float, *, late: int) -> None:
        super().__init__(
            f"The server at {endpoint} is connected but did not answer within {waited_s:.3g} s: it is busy or stopped "
            f"({late} of its answers came too late so far); wait longer, or give it less to do."
        )


class AnswerExpiredError(ServerError):
    """An answer whose action may no longer be used: the way, or this process, was held up for longer than that.

    Args:
        round_trip_s: From the question to the answer.
        valid_for_s: How long its action could be used.
    """

    def __init__(self, round_trip_s: float, valid_for_s: float) -> None:
        super().__init__(
            f"An answer was read {round_trip_s:.3g} s after its question, expected while its action is valid "
            f"({valid_for_s:.3g} s): look at the way to the server, and at what held this process up."
        )


class BundleChangedError(ServerError):
    """The server, restarted or not, has another bundle than the one this client shook hands on."""

    def __init__(self, endpoint: str, expected: str, found: str) -> None:
        super().__init__(
            f"The server at {endpoint} has another bundle now: expected {expected[:12]}, found {found[:12]}; connect "
            "anew if that is meant."
        )


class ServerFaultError(ServerError):
    """The server answered that it could not: too many clients, too much to do, shutting down, a fault inside."""

    def __init__(self, endpoint: str, refusal: RefusedError) -> None:
        super().__init__(f"The server at {endpoint} could not answer: {refusal}")
        self.kind = refusal.kind
