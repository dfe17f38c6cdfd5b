"""From what was observed to a posed model: only where the observation says enough, which is tried before it is used."""

from sim.monitor.posing.find import find_pose
from sim.monitor.posing.pose import Pose

__all__ = ["Pose", "find_pose"]
