"""How long a tick takes on this device, and a bundle of random weights to find it out without a policy."""

from vgf_robot.bench.advice import advice
from vgf_robot.bench.layout import Layout, WeightTensor, read_layout, write_layout
from vgf_robot.bench.roofline import Roofline
from vgf_robot.bench.subjects import Opened, Subject, subjects_of
from vgf_robot.bench.synthetic import CONTROL_PERIOD_S, SYNTHETIC, synthetic_bundle
from vgf_robot.bench.timing import (
    BenchSettings,
    collector_as_when_serving,
    latency_rows,
    measure,
    observations_in_range,
    require_full_tick,
)

__all__ = [
    "CONTROL_PERIOD_S",
    "SYNTHETIC",
    "BenchSettings",
    "Layout",
    "Opened",
    "Roofline",
    "Subject",
    "WeightTensor",
    "advice",
    "collector_as_when_serving",
    "latency_rows",
    "measure",
    "observations_in_range",
    "read_layout",
    "require_full_tick",
    "subjects_of",
    "synthetic_bundle",
    "write_layout",
]
