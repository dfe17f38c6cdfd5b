"""The operator's side of the control socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import final

import msgspec

from vgf_robot.control.messages import (
    CeilingsRequest,
    ControlReply,
    ControlRequest,
    InstructRequest,
    ReloadRequest,
    State,
    StatusRequest,
    StopRequest,
    Unset,
    decode_control_reply,
)
from vgf_robot.errors import ServerError
from vgf_robot.security import ClientKeys
from vgf_robot.wire.channel import Channel
from vgf_robot.wire.codec import encode
from vgf_robot.wire.faults import RefusedError
from vgf_robot.wire.messages import VERSION, ErrorReply, Instruction
from vgf_robot.wire.question import seconds


class NoControlError(ServerError):
    """Nobody answers at a control endpoint.

    Args:
        endpoint: Where it was looked for.
        waited_s: For how long.
        connected: Whether something is there that does not answer.
    """

    def __init__(self, endpoint: str, waited_s: float, *, connected: bool) -> None:
        found = "is connected but did not answer" if connected else "is not there"
        cure = "it is busy, stopped, or no control socket" if connected else "start `serve` or `drive` with --control"
        super().__init__(f"The control socket at {endpoint} {found} within {waited_s:.3g} s; {cure}.")


@final
class ControlClient:
    """Asks one thing at a time, and waits for the answer. For one thread.

    Args:
        endpoint: Of `serve --control` or `drive --control`.
        timeout_s: How long each call waits at most.
        keys: For a process that was given keys; the role `control` asks for more than how things stand.
        clock: Monotonic nanoseconds.

    Raises:
        ConfigError: No endpoint.
        ProtocolError: `timeout_s` is no time.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        timeout_s: float = 2.0,
        keys: ClientKeys | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._endpoint = endpoint
        self._timeout_s = seconds("timeout_s", timeout_s)
        self._clock = clock
        self._channel = Channel(endpoint, clock, keys)
        self._sequence = 0

    def state(self) -> State:
        """Return how things stand.

        Raises:
            NoControlError: Nobody answers.
            KeyRefusedError: Somebody is there, and does not let this client in.
            RefusedError: The other end would not.
        """
        return self._ask(lambda number: StatusRequest(version=VERSION, sequence=number))

    def reload(self) -> State:
        """Have the bundle read again. Raises what `state` raises."""
        return self._ask(lambda number: ReloadRequest(version=VERSION, sequence=number))

    def stop(self) -> State:
        """End the process, after the tick under way. Raises what `state` raises."""
        return self._ask(lambda number: StopRequest(version=VERSION, sequence=number))

    def set_ceilings(
        self,
        *,
        max_steps: int | Unset | None = msgspec.UNSET,
        step_size: float | Unset | None = msgspec.UNSET,
        max_distance: float | Unset | None = msgspec.UNSET,
    ) -> State:
        """Move the ceilings that are named; None lifts one. Raises what `state` raises."""
        return self._ask(
            lambda number: CeilingsRequest(
                version=VERSION, sequence=number, max_steps=max_steps, step_size=step_size, max_distance=max_distance
            )
        )

    def instruct(self, action: Instruction, robot: str | None = None) -> State:
        """Ask for another state of engagement. Raises what `state` raises.

        Args:
            action: `engage`, `disengage` or `clear`.
            robot: Name or id of a server's client; None for every one.
        """
        return self._ask(lambda number: InstructRequest(version=VERSION, sequence=number, action=action, client=robot))

    def close(self) -> None:
        """Let go of the socket; a second time does nothing."""
        self._channel.close()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, write: Callable[[int], ControlRequest]) -> State:
        began_ns = self._clock()
        until_ns = began_ns + round(self._timeout_s * 1e9)
        self._sequence += 1
        if self._channel.wait_connected(until_ns) and self._channel.send(encode(write(self._sequence))):
            reply = self._answer(until_ns)
            if reply is not None:
                return _accepted(reply)
        waited_s = (self._clock() - began_ns) / 1e9
        raise self._channel.refusal(waited_s) or NoControlError(
            self._endpoint, waited_s, connected=self._channel.connected
        )

    def _answer(self, until_ns: int) -> ControlReply | None:
        """Return the answer to the last question; None where it does not come."""
        while True:
            payload = self._channel.receive(until_ns)
            lost = not self._channel.connected
            if payload is None and lost:
                # What came just before the connection went is there still, and may be the answer.
                payload = self._channel.receive(self._clock())
            if payload is not None:
                reply = decode_control_reply(payload)
                # An answer to an earlier question, which nobody waited for, is dropped by its number.
                if reply.sequence in (self._sequence, None):
                    return reply
            elif lost or self._clock() >= until_ns:
                return None


def _accepted(reply: State | ErrorReply) -> State:
    if isinstance(reply, State):
        return reply
    raise RefusedError(
        reply.kind, expected=reply.expected, found=reply.found, advice=reply.advice, sequence=reply.sequence
    )
