"""Python and the packages that run the graphs."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distributions

from vgf_robot.doctor.finding import Finding, fault, ok

FIRST_PYTHON, LAST_PYTHON = (3, 10), (3, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareFacts:
    """What is installed.

    Attributes:
        python: Major and minor version.
        runtimes: Version of each installed build of ONNX Runtime, by the name of its distribution.
    """

    python: tuple[int, int]
    runtimes: Mapping[str, str]

    @property
    def has_gpu_runtime(self) -> bool:
        """Whether a build for another device than the CPU is installed."""
        return any(name != "onnxruntime" for name in self.runtimes)


def find_software() -> SoftwareFacts:
    """Look at this interpreter and its packages."""
    # Not by two fixed names: every build, -gpu, -openvino or another, installs the same package `onnxruntime`.
    names = ((re.sub(r"[-_.]+", "-", entry.metadata["Name"] or "").lower(), entry.version) for entry in distributions())
    runtimes = {name: version for name, version in names if re.fullmatch(r"onnxruntime(-[a-z]+)?", name)}
    return SoftwareFacts(python=sys.version_info[:2], runtimes=dict(sorted(runtimes.items())))


def check_python(facts: SoftwareFacts) -> Finding:
    """Judge whether this Python is one that the runtime is made for."""
    check, found = "Python", _dotted(facts.python)
    if FIRST_PYTHON <= facts.python <= LAST_PYTHON:
        return ok(check, found)
    return fault(check, found, f"install vgf-robot with Python {_dotted(FIRST_PYTHON)} to {_dotted(LAST_PYTHON)}")


def check_runtimes(facts: SoftwareFacts) -> Finding:
    """Judge whether there is exactly one build of ONNX Runtime: their files have the same names."""
    check, names = "ONNX Runtime", list(facts.runtimes)
    found = ", ".join(f"{name} {version}" for name, version in facts.runtimes.items())
    if len(names) == 1:
        return ok(check, found)
    if not names:
        return fault(check, "not installed", "`pip install 'vgf-robot[cpu]'`")
    # Removing only one would take away files of the other.
    return fault(
        check,
        f"{found}: they overwrite each other's files",
        f"`pip uninstall -y {' '.join(names)}`, then install one of them",
    )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
