"""The fixed-rate loop of a robot."""

from vgf_robot.drive.grid import Grid, GridPoint

__all__ = ["Grid", "GridPoint"]
