"""How long a tick takes on this device, and a bundle of random weights to find it out without a policy."""

from vgf_robot.bench.advice import advice
from vgf_robot.bench.disturbances import DISTURBANCES
from vgf_robot.bench.layout import Layout, WeightTensor, read_layout, write_layout
from vgf_robot.bench.recording import Pace, Recording, record
from vgf_robot.bench.replay import Durations, Outcome, load_durations, oracle_steps, replay, save_durations
from vgf_robot.bench.roofline import Roofline
from vgf_robot.bench.subjects import Opened, Subject, subjects_of
from vgf_robot.bench.synthetic import CONTROL_PERIOD_S, SYNTHETIC, synthetic_bundle
from vgf_robot.bench.timing import BenchSettings, latency_rows, measure

__all__ = [
    "CONTROL_PERIOD_S",
    "DISTURBANCES",
    "SYNTHETIC",
    "BenchSettings",
    "Durations",
    "Layout",
    "Opened",
    "Outcome",
    "Pace",
    "Recording",
    "Roofline",
    "Subject",
    "WeightTensor",
    "advice",
    "latency_rows",
    "load_durations",
    "measure",
    "oracle_steps",
    "read_layout",
    "record",
    "replay",
    "save_durations",
    "subjects_of",
    "synthetic_bundle",
    "write_layout",
]
