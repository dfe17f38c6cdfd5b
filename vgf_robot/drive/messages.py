"""The two messages of the loop: msgpack maps with a type, a version and a sequence number; docs/drive.md in code."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from vgf_robot.controller import Reason, Rung, Status
from vgf_robot.drive.actuator import DriveCommand
from vgf_robot.engagement import EngagementState
from vgf_robot.wire.arrays import WireArray, pack
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.messages import Count, Message, ServerMessage

VERSION = 1
# A peer's own words are quoted in errors, but not at length.
_MAX_QUOTE = 160


class ObservationMessage(Message, frozen=True, kw_only=True, tag="observation"):
    """Robot: what it observes; sent at its own rate.

    Attributes:
        sequence: Larger than that of every earlier message of this run.
        run: Drawn by the sender when it starts, so that one that was restarted may count from 0 again.
        observation: Shape (O,).
        age_us: Age of the observation when it was sent, by the sender's monotonic clock.
        pose: Shape (A,), where the robot is in the action's units; for absolute actions.
        stamp_ns: The sender's own clock; comes back in the command, and is compared with nothing.
    """

    sequence: Count
    run: Count = 0
    observation: WireArray
    age_us: Count = 0
    pose: WireArray | None = None
    stamp_ns: int | None = None


class CommandMessage(ServerMessage, frozen=True, kw_only=True, tag="command"):
    """Loop: the action to use; the facts are those of `controller.command.Command`.

    Attributes:
        sequence: Commands sent before this one.
        action: Shape (A,), float32, in the robot's units, inside the limits: the one to use.
        valid_for_us: The receiver stops using the action this long after it came.
        state: Where engagement stands.
        observation_sequence: Of the newest observation; None where the command is not about one.
        observation_stamp_ns: What that said of the sender's own clock.
        observation_held_us: How long the loop had that observation when the command left; None from an older loop.
    """

    sequence: Count
    action: WireArray
    valid_for_us: Count
    state: EngagementState
    status: Status
    rung: Rung
    reason: Reason
    steps: Count
    value: float | None
    spread: float | None
    displacement: float | None
    limited: float
    num_outside: Count
    observation_sequence: Count | None
    observation_stamp_ns: int | None
    observation_held_us: Count | None = None

    @property
    def sent_ns(self) -> int | None:
        """When it left at the earliest, on the clock of the observation's sender; None where that said nothing."""
        if self.observation_stamp_ns is None or self.observation_held_us is None:
            return None
        return self.observation_stamp_ns + 1000 * self.observation_held_us


Decoded = TypeVar("Decoded", ObservationMessage, CommandMessage)

_encoder = msgspec.msgpack.Encoder()
_observations = msgspec.msgpack.Decoder(ObservationMessage)
_commands = msgspec.msgpack.Decoder(CommandMessage)


class _Envelope(msgspec.Struct):
    """The key that says which keys to expect."""

    version: int


_envelopes = msgspec.msgpack.Decoder(_Envelope)
# What reading a stranger's bytes can raise: the schema, the nesting depth, and text that is not UTF-8.
_READING_FAILED = (msgspec.MsgspecError, RecursionError, ValueError)


def encode_command(command: DriveCommand, *, held_ns: int) -> bytes:
    """Return the message that carries a command, as msgpack.

    Args:
        command: What is said.
        held_ns: How long ago the newest observation was taken off the socket; for a command that is about one.
    """
    facts, sensed = command.command, command.sensed
    message = CommandMessage(
        version=VERSION,
        sequence=command.sequence,
        action=pack(command.action),
        valid_for_us=command.valid_for_ns // 1000,
        state=command.state,
        status=facts.status,
        rung=facts.rung,
        reason=facts.reason,
        steps=facts.steps,
        value=facts.value,
        spread=facts.spread,
        displacement=facts.displacement,
        limited=facts.limited,
        num_outside=facts.num_outside,
        observation_sequence=None if sensed is None else sensed.sequence,
        observation_stamp_ns=None if sensed is None else sensed.stamp_ns,
        observation_held_us=None if sensed is None else held_ns // 1000,
    )
    return _encoder.encode(message)


def decode_observation(payload: bytes) -> ObservationMessage:
    """Return what a robot said.

    Raises:
        RefusedError: Not msgpack, another type or version, a missing or unknown key, or a value out of range.
    """
    return _decode(payload, _observations)


def decode_command(payload: bytes) -> CommandMessage:
    """Return what the loop said.

    Raises:
        RefusedError: As for `decode_observation`, save that unknown keys are ignored.
    """
    return _decode(payload, _commands)


def _decode(payload: bytes, decoder: msgspec.msgpack.Decoder[Decoded]) -> Decoded:
    try:
        message = decoder.decode(payload)
    except _READING_FAILED as error:
        raise _refusal(payload, error) from error
    if message.version != VERSION:
        raise _wrong_version(message.version)
    return message


def _refusal(payload: bytes, error: Exception) -> RefusedError:
    """Return what is wrong with a message that does not decode: its version matters more than its keys."""
    try:
        envelope = _envelopes.decode(payload)
    except _READING_FAILED:
        envelope = None
    if envelope is not None and envelope.version != VERSION:
        return _wrong_version(envelope.version)
    found = "too deep a nesting" if isinstance(error, RecursionError) else str(error)[:_MAX_QUOTE]
    return RefusedError(ErrorKind.MALFORMED, expected="the schema of docs/drive.md", found=found)


def _wrong_version(found: int) -> RefusedError:
    return RefusedError(
        ErrorKind.WRONG_VERSION,
        expected=f"version {VERSION}",
        found=f"version {found}",
        advice="use the same version of the protocol at both ends",
    )
