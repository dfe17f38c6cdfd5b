"""The fixed-rate loop of a robot: newest observation in, one action out every control period.

To read the folder: `drive` is the loop, on a `grid` of periods, with `freshness` to say what may still be acted upon,
a `decider` for what to do, and a `tally` (over `histogram`) of what happened; a `driven_period` is for records of it.
It sees a robot through `sensor` and `actuator`, which are a pair of `sockets` that carry `messages` (`newest` keeps one
of them), or `ports` of another package, such as a simulation. `receiver` is what stands at the other end, at the robot.
"""

from vgf_robot.drive.actuator import Actuator, DriveCommand
from vgf_robot.drive.decider import Decided
from vgf_robot.drive.drive import Drive
from vgf_robot.drive.driven_period import DrivenPeriod
from vgf_robot.drive.grid import Grid, GridPoint
from vgf_robot.drive.histogram import Histogram
from vgf_robot.drive.messages import (
    VERSION,
    CommandMessage,
    ObservationMessage,
    decode_command,
    decode_observation,
)
from vgf_robot.drive.ports import Ports, open_ports
from vgf_robot.drive.receiver import Receiver
from vgf_robot.drive.sensor import Sensed, Sensor
from vgf_robot.drive.settings import DriveSettings
from vgf_robot.drive.sockets import SocketPorts
from vgf_robot.drive.tally import Tally

__all__ = [
    "VERSION",
    "Actuator",
    "CommandMessage",
    "Decided",
    "Drive",
    "DriveCommand",
    "DriveSettings",
    "DrivenPeriod",
    "Grid",
    "GridPoint",
    "Histogram",
    "ObservationMessage",
    "Ports",
    "Receiver",
    "Sensed",
    "Sensor",
    "SocketPorts",
    "Tally",
    "decode_command",
    "decode_observation",
    "open_ports",
]
