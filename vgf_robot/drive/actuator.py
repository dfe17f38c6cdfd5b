"""Where actions go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Command
from vgf_robot.drive.sensor import Sensed
from vgf_robot.engagement import EngagementState


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveCommand:
    """What a robot is sent.

    Attributes:
        sequence: Commands sent before this one.
        action: Shape (A,), float32, in the robot's units: the one to use.
        valid_for_ns: How long after its arrival it may be used.
        command: What the controller decided; engagement may have made another action of it.
        state: Where engagement stands.
        sensed: The newest observation there was; None where the command is not about one.
    """

    sequence: int
    action: NDArray[np.float32]
    valid_for_ns: int
    command: Command
    state: EngagementState
    sensed: Sensed | None


class Actuator(Protocol):
    """A robot that is commanded."""

    def send(self, command: DriveCommand) -> None:
        """Hand over a command, without waiting for anybody."""
        ...
