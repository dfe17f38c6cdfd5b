"""Why a client has no answer, and who is at fault; what the server refused is a `RefusedError`."""

from __future__ import annotations

from vgf_robot.errors import ServerError
from vgf_robot.wire.refusal import RefusedError


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


class BundleChangedError(ServerError):
    """The server was restarted with another bundle than the one this client shook hands on."""

    def __init__(self, endpoint: str, expected: str, found: str) -> None:
        super().__init__(
            f"The server at {endpoint} was restarted with another bundle: expected {expected[:12]}, found "
            f"{found[:12]}; connect anew if that is meant."
        )


class ServerFaultError(ServerError):
    """The server answered that it could not: too many clients, shutting down, a fault inside."""

    def __init__(self, endpoint: str, refusal: RefusedError) -> None:
        super().__init__(f"The server at {endpoint} could not answer: {refusal}")
        self.kind = refusal.kind
