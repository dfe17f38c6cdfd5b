"""What a peer of ZeroMQ's protocol says, byte by byte, for those who hang up in the middle of it."""

import struct

# ZMTP 3.1 without keys, and the beginning of a message of 100 000 bytes.
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"NULL".ljust(20, b"\0") + b"\x00" + bytes(31)
HALF_A_MESSAGE = b"\x02" + struct.pack(">Q", 100_000) + b"\x81\xa4type"


def ready(kind: str) -> bytes:
    """Return the command that ends the handshake of a socket of this kind."""
    body = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind.encode()
    return bytes((4, len(body))) + body
