"""How far a backend and a precision are from float32 on ONNX Runtime's CPU, and which one to take."""

from vgf_robot.receipts.check import Pair, PrecisionCheck, Probe, check_precision, failures
from vgf_robot.receipts.choice import TIE, candidates, resolve_backend
from vgf_robot.receipts.limits import ACCEPTED, SMALLEST_RETURN_DIFFERENCE, SMALLEST_SUCCESS_DIFFERENCE
from vgf_robot.receipts.observations import KEY, kept, observations_of
from vgf_robot.receipts.probe import open_probe
from vgf_robot.receipts.stated import entries_of, in_words, why_untrusted
from vgf_robot.receipts.trusted import AUTO, FLOAT32, STANDARD, Trusted, load_trusted, split_name

__all__ = [
    "ACCEPTED",
    "AUTO",
    "FLOAT32",
    "KEY",
    "SMALLEST_RETURN_DIFFERENCE",
    "SMALLEST_SUCCESS_DIFFERENCE",
    "STANDARD",
    "TIE",
    "Pair",
    "PrecisionCheck",
    "Probe",
    "Trusted",
    "candidates",
    "check_precision",
    "entries_of",
    "failures",
    "in_words",
    "kept",
    "load_trusted",
    "observations_of",
    "open_probe",
    "resolve_backend",
    "split_name",
    "why_untrusted",
]
