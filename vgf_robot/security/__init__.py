"""Keys of servers and clients (CURVE), and which client may do what.

To read the folder: `keys` are the files, `rights` the list of clients that a server reads again while it runs, `curve`
puts keys on a socket, and `handshakes` says why a client was not let in. At a server, `zap` answers handshakes of a
ZeroMQ context, `readers` are cut off where one of them has lost the right, `refusals` are counted and said, and a
`guard` has all of that for one process.

A server has `zap = guard.zap(context)`, calls `zap.lock(socket)` on each socket before its bind, and `zap.attend()`
often. Handshakes decide who may connect; what a peer may do is asked of `Rights` message by message, with the `User-Id`
of the message's own frame, because a key that has left the list keeps the connections that it has.
"""

from vgf_robot.security.curve import HANDSHAKE_MS, curve_client, curve_server, user_of
from vgf_robot.security.guard import Guard
from vgf_robot.security.handshakes import HandshakeWatch, Turned
from vgf_robot.security.keys import ClientKeys, KeyPair, ServerKeys, write_key_pair
from vgf_robot.security.refusals import Refusals
from vgf_robot.security.rights import AllowList, Listed, Rights, Role
from vgf_robot.security.zap import LOOK_MS, ZapHandler

__all__ = [
    "HANDSHAKE_MS",
    "LOOK_MS",
    "AllowList",
    "ClientKeys",
    "Guard",
    "HandshakeWatch",
    "KeyPair",
    "Listed",
    "Refusals",
    "Rights",
    "Role",
    "ServerKeys",
    "Turned",
    "ZapHandler",
    "curve_client",
    "curve_server",
    "user_of",
    "write_key_pair",
]
