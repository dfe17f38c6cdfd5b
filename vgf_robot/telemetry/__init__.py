"""What a running controller tells of itself: every tick, events, counters; over ZeroMQ, without anybody waiting.

To read the folder: `records` is what is told, `codec` puts it into bytes. `publisher` and `subscriber` are the two ends
of the way, over `sockets`. `serving` and `driving` make records of what a server and a loop did, over `ticks`.
"""

from vgf_robot.telemetry.codec import ARRAYS, decode, encode
from vgf_robot.telemetry.driving import DriveTelemetry
from vgf_robot.telemetry.publisher import Publisher
from vgf_robot.telemetry.records import (
    VERSION,
    Counters,
    Event,
    EventKind,
    Record,
    Source,
    Stamped,
    TickRecord,
    array_of,
)
from vgf_robot.telemetry.serving import ServeTelemetry
from vgf_robot.telemetry.subscriber import Subscriber

__all__ = [
    "ARRAYS",
    "VERSION",
    "Counters",
    "DriveTelemetry",
    "Event",
    "EventKind",
    "Publisher",
    "Record",
    "ServeTelemetry",
    "Source",
    "Stamped",
    "Subscriber",
    "TickRecord",
    "array_of",
    "decode",
    "encode",
]
