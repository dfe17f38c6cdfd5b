"""Bytes to messages and back; decoding is validating."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.messages import VERSION, Message, Reply, Request

REQUEST_TYPES = ("hello", "observe", "engage", "ping", "bye")
REPLY_TYPES = ("welcome", "act", "engagement", "pong", "error")
# A peer's own words are quoted back to it, but not at length.
MAX_QUOTE = 160

Decoded = TypeVar("Decoded", bound=Message)

_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


class _Envelope(msgspec.Struct):
    """The three keys that every message of every version has; anything else is ignored."""

    type: Any = None
    version: Any = None
    sequence: Any = None


_envelopes = msgspec.msgpack.Decoder(_Envelope)

# What reading a stranger's bytes can raise: the schema, the nesting depth, and text that is not UTF-8.
_READING_FAILED = (msgspec.MsgspecError, RecursionError, ValueError)


def encode(message: Message) -> bytes:
    """Return the message as msgpack."""
    return _encoder.encode(message)


def decode_request(payload: bytes) -> Request:
    """Return what a client said.

    Raises:
        RefusedError: Not msgpack, an unknown type, another version, a missing or unknown key, or a value out of range.
    """
    return decode(payload, _requests, REQUEST_TYPES)  # pyright: ignore[reportArgumentType, reportReturnType]


def decode_reply(payload: bytes) -> Reply:
    """Return what a server said.

    Raises:
        RefusedError: As for `decode_request`, save that unknown keys are ignored.
    """
    return decode(payload, _replies, REPLY_TYPES)  # pyright: ignore[reportArgumentType, reportReturnType]


def decode(payload: bytes, decoder: msgspec.msgpack.Decoder[Decoded], types: tuple[str, ...]) -> Decoded:
    """Return the message that a decoder makes of the bytes; `types` are the names it knows. Raises as the others."""
    try:
        message = decoder.decode(payload)
    except _READING_FAILED as error:
        raise _explain(payload, error, types) from error
    if message.version != VERSION:
        raise _wrong_version(message.version, getattr(message, "sequence", None))
    return message


def _explain(payload: bytes, error: Exception, types: tuple[str, ...]) -> RefusedError:
    """Read what can be read of a message that does not decode: its version matters more than its keys."""
    try:
        envelope = _envelopes.decode(payload)
    except _READING_FAILED:
        return RefusedError(ErrorKind.MALFORMED, expected="one msgpack map", found=_quote(_reason(error)))
    sequence = envelope.sequence if type(envelope.sequence) is int else None
    if type(envelope.version) is not int:
        return RefusedError(
            ErrorKind.WRONG_VERSION, expected=f"version {VERSION}", found="no version number", sequence=sequence
        )
    if envelope.version != VERSION:
        return _wrong_version(envelope.version, sequence)
    if envelope.type not in types:
        known = ", ".join(types)
        found = f"'{_quote(envelope.type)}'" if isinstance(envelope.type, str) else "no type name"
        return RefusedError(ErrorKind.UNKNOWN_TYPE, expected=f"one of {known}", found=found, sequence=sequence)
    return RefusedError(
        ErrorKind.MALFORMED,
        expected=f"the schema of '{envelope.type}'",
        found=_quote(_reason(error)),
        sequence=sequence,
    )


def _wrong_version(found: int, sequence: int | None) -> RefusedError:
    return RefusedError(
        ErrorKind.WRONG_VERSION,
        expected=f"version {VERSION}",
        found=f"version {found}",
        advice="use a client and a server of the same protocol version",
        sequence=sequence,
    )


def _reason(error: Exception) -> str:
    return "too deep a nesting" if isinstance(error, RecursionError) else str(error)


def _quote(text: str) -> str:
    return text if len(text) <= MAX_QUOTE else f"{text[:MAX_QUOTE]}..."
