"""The robot's end of `vgf-robot serve`: NumPy and the client, no simulator and no training code.

    python client.py tcp://127.0.0.1:5555

`read_sensors` and `move` are yours to write. The observation has the entries of arm.yaml, in their order.
"""

import sys
import time

import numpy as np

from vgf_robot import Client
from vgf_robot.errors import ServerError

PERIOD_S, DEADLINE_S = 0.04, 0.03
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
    """Ask for an action in every period."""
    in_time = 0
    with Client(endpoint, timeout_s=DEADLINE_S) as client:
        client.connect(timeout_s=3.0)
        client.begin_episode(seed=0)
        start_s = time.monotonic()
        for period in range(num_periods):
            time.sleep(max(0.0, start_s + period * PERIOD_S - time.monotonic()))
            try:
                answer = client.act(read_sensors(), deadline_s=DEADLINE_S)
            except ServerError:
                continue  # position servos stay where they were led; torques need the safe action here
            move(answer.action)
            in_time += 1
    print(f"{in_time} of {num_periods} periods had an action")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], num_periods=25))
