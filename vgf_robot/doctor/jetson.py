"""A Jetson's power mode and clocks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vgf_robot.doctor.finding import Finding, advice, ok
from vgf_robot.doctor.processor import ProcessorFacts
from vgf_robot.doctor.tree import Tree

PATIENCE_S = 10.0
_MODE = re.compile(r"^NV Power Mode:\s*(\S+)", re.MULTILINE)

Run = Callable[[Sequence[str]], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JetsonFacts:
    """What a Jetson says of itself.

    Attributes:
        model: The board.
        power_mode: Name of the mode in force; None where `nvpmodel` does not tell.
    """

    model: str
    power_mode: str | None


def read_jetson(tree: Tree, run: Run) -> JetsonFacts | None:
    """Read the facts; None where this is no Jetson.

    Args:
        tree: Its files.
        run: Runs a command and returns what it printed, None where that fails.
    """
    model = tree.text("proc/device-tree/model") or ""
    if tree.text("etc/nv_tegra_release") is None and "Jetson" not in model:
        return None
    match = _MODE.search(run(("nvpmodel", "-q")) or "")
    return JetsonFacts(model=model or "Jetson", power_mode=match and match[1])


def check_power_mode(facts: JetsonFacts) -> Finding:
    """Judge whether power is limited below what the board can take."""
    check = "Jetson power mode"
    cure = "`grep POWER_MODEL /etc/nvpmodel.conf` lists the modes; `sudo nvpmodel -m ID` with the one named MAXN"
    if facts.power_mode is None:
        return advice(check, f"{facts.model}: nvpmodel does not tell", f"`sudo nvpmodel -q` shows it; {cure}")
    found = f"{facts.model}: {facts.power_mode}"
    return ok(check, found) if "MAXN" in facts.power_mode.upper() else advice(check, found, cure)


def check_clocks(processor: ProcessorFacts) -> Finding:
    """Judge whether `jetson_clocks` has fixed the processor's clocks.

    Read from the frequencies' limits, which it makes equal: its own `--show` is for root alone.
    """
    check = "Jetson clocks"
    if processor.fixed:
        return ok(check, "fixed")
    return advice(
        check, "the processor's clocks follow the load", "`sudo jetson_clocks`, after choosing the power mode"
    )


def run_command(command: Sequence[str]) -> str | None:
    """Run a command and return what it printed; None where it is not there, fails or takes long."""
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return finished.stdout
