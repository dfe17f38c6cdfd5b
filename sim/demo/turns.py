"""Who takes turns on the loaded machine."""

from __future__ import annotations

from dataclasses import dataclass

from sim.evaluation.modes import ADAPTIVE, Mode, deadline_modes
from vgf_robot.bundle import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One row of the comparison.

    Attributes:
        mode: What is run.
        loaded: Whether every core has a busy process meanwhile.
    """

    mode: Mode
    loaded: bool

    @property
    def label(self) -> str:
        """The name for people: the one row of the idle machine says so."""
        return self.mode.name if self.loaded else f"{self.mode.name}, idle"


def turns(manifest: Manifest) -> tuple[Turn, ...]:
    """Return the three modes under load, and the adaptive one on the idle machine for its return.

    Args:
        manifest: Gives the sealed setting; its cap is the number of steps that `fixed-cap` always takes.
    """
    modes = deadline_modes(manifest)
    idle = [Turn(mode=mode, loaded=False) for mode in modes if mode.name == ADAPTIVE]
    return (*(Turn(mode=mode, loaded=True) for mode in modes), *idle)
