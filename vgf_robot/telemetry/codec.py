"""Records to bytes and back; decoding is validating."""

from __future__ import annotations

import msgspec

from vgf_robot.errors import ProtocolError
from vgf_robot.telemetry.records import VERSION, Stamped, TickRecord, array_of
from vgf_robot.wire.arrays import WireArray

# A stranger's own words are quoted back, but not at length.
_MAX_QUOTE = 160

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stamped)


class _Envelope(msgspec.Struct):
    """The key that says which keys to expect; anything else is ignored."""

    version: int


_envelopes = msgspec.msgpack.Decoder(_Envelope)
# What reading a stranger's bytes can raise: the schema, the nesting depth, and text that is not UTF-8.
_READING_FAILED = (msgspec.MsgspecError, RecursionError, ValueError)


def encode(stamped: Stamped) -> bytes:
    """Return the record as msgpack."""
    return _encoder.encode(stamped)


def decode(payload: bytes) -> Stamped:
    """Return what a publisher told.

    Raises:
        ProtocolError: Not msgpack, another version, a missing or unknown key, or an array that does not fill its shape.
    """
    try:
        stamped = _decoder.decode(payload)
    except _READING_FAILED as error:
        raise _refusal(payload, error) from error
    if stamped.version != VERSION:
        raise _wrong_version(stamped.version)
    if isinstance(stamped.record, TickRecord):
        for name in ARRAYS:
            array: WireArray | None = getattr(stamped.record, name)
            if array is not None:
                array_of(array)
    return stamped


ARRAYS = ("observation", "pose", "action", "sent", "previous_action")
"""The fields of a tick that are arrays."""


def _refusal(payload: bytes, error: Exception) -> ProtocolError:
    """Return what is wrong with a record that does not decode: its version matters more than its keys."""
    try:
        envelope = _envelopes.decode(payload)
    except _READING_FAILED:
        envelope = None
    if envelope is not None and envelope.version != VERSION:
        return _wrong_version(envelope.version)
    found = "too deep a nesting" if isinstance(error, RecursionError) else str(error)[:_MAX_QUOTE]
    return ProtocolError(f"Telemetry: expected a record of version {VERSION}, found {found}; is this its endpoint?")


def _wrong_version(found: int) -> ProtocolError:
    return ProtocolError(
        f"Telemetry: expected records of version {VERSION}, found version {found}; use the same version of vgf-robot "
        "at both ends."
    )
