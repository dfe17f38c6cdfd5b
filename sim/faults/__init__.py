"""Faults of sensors, motors, messages, the controller's machine and the robot: seeded, graded, and composable."""

from sim.faults.compose import faulty_driver, faulty_machine, faulty_plant, require_applicable
from sim.faults.fault_set import CLEAR, NO_FAULTS, Condition, FaultSet
from sim.faults.severity import Severity

__all__ = [
    "CLEAR",
    "NO_FAULTS",
    "Condition",
    "FaultSet",
    "Severity",
    "faulty_driver",
    "faulty_machine",
    "faulty_plant",
    "require_applicable",
]
