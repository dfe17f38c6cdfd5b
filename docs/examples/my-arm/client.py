"""The robot's end of `vgf-robot serve`: NumPy and the client, no simulator and no training code.

    python client.py tcp://127.0.0.1:5555

`read_sensors` and `move` are yours to write. The observation has the entries of arm.yaml, in their order.
"""

import sys
import time

import numpy as np

from vgf_robot import Client
from vgf_robot.wire import RobotLink, Source

PERIOD_S, DEADLINE_S, WAIT_S = 0.04, 0.03, 0.035
LINKS_M = np.array([0.3, 0.25])
TARGET = np.array([0.3, 0.2, 0.1])
joints = np.zeros(2)  # a robot that is at once where it is told to be stands in for yours


def read_sensors() -> np.ndarray:
    """Return the observation, shape (11,)."""
    angles = np.cumsum(joints)
    tip = [LINKS_M @ np.cos(angles), LINKS_M @ np.sin(angles), 0.1]
    return np.concatenate([joints, np.zeros(2), tip, TARGET, np.zeros(1)]).astype(np.float32)


def move(action: np.ndarray) -> None:
    """Lead the servos to two angles."""
    joints[:] = action


def main(endpoint: str, num_periods: int) -> int:
    """Ask in every period, and have something for the robot in each, whatever becomes of the server."""
    answered = 0
    with RobotLink(Client(endpoint), wait_s=WAIT_S) as link:
        link.client.connect(timeout_s=3.0)
        link.begin_episode(seed=0)
        start_s = time.monotonic()
        for period in range(num_periods):
            time.sleep(max(0.0, start_s + period * PERIOD_S - time.monotonic()))
            # The pose, in the action's units, is what a server that engages compares the first action with.
            step = link.step(read_sensors(), deadline_s=DEADLINE_S, pose=joints)
            if step.action is not None:
                move(step.action)
            answered += step.source is Source.ANSWER
    print(f"{answered} of {num_periods} periods had an answer")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], num_periods=25))
