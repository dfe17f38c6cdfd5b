"""The operator's socket of `serve` and `drive`: how things stand, ceilings, engagement, reload and stop.

Offered here: the operator's side and the messages, which load no backend. To read the folder: `messages` is
docs/control.md in code, `client` asks, `desk` answers between two ticks what a `Controlled` can do, which is a server
(`controlled_server`) or the fixed-rate loop (`controlled_drive`); `report` is the reply.
"""

from vgf_robot.control.client import ControlClient, NoControlError
from vgf_robot.control.messages import (
    CeilingsRequest,
    InstructRequest,
    ReloadRequest,
    Robot,
    State,
    StatusRequest,
    StopRequest,
    decode_control_reply,
    decode_control_request,
)

__all__ = [
    "CeilingsRequest",
    "ControlClient",
    "InstructRequest",
    "NoControlError",
    "ReloadRequest",
    "Robot",
    "State",
    "StatusRequest",
    "StopRequest",
    "decode_control_reply",
    "decode_control_request",
]
