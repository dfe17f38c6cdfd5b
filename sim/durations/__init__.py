"""Durations of ticks: recorded on a machine, invented for a disturbed one, and played through the real controller."""

from sim.durations.disturbances import DISTURBANCES
from sim.durations.durations import Durations, load_durations, oracle_steps, save_durations
from sim.durations.recording import Pace, Recording, record
from sim.durations.replay import Outcome, replay

__all__ = [
    "DISTURBANCES",
    "Durations",
    "Outcome",
    "Pace",
    "Recording",
    "load_durations",
    "oracle_steps",
    "record",
    "replay",
    "save_durations",
]
