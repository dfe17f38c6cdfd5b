"""The ways of spending a control period that the demo compares on a loaded machine."""

from __future__ import annotations

from dataclasses import dataclass

from sim.evaluation.setting import Setting
from vgf_robot.bundle.manifest import Manifest

FIXED_0, FIXED_CAP, ADAPTIVE = "fixed-0", "fixed-cap", "adaptive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One row of the comparison.

    Attributes:
        name: As the results name it.
        setting: What each request may spend.
        keeps_deadline: Whether the controller is told the deadline; misses are counted against it either way.
        loaded: Whether every core has a busy process meanwhile.
    """

    name: str
    setting: Setting
    keeps_deadline: bool
    loaded: bool

    @property
    def label(self) -> str:
        """The name for people: the one row of the idle machine says so."""
        return self.name if self.loaded else f"{self.name}, idle"


def compared_modes(manifest: Manifest) -> tuple[Mode, ...]:
    """Return the three modes under load, and the adaptive one on the idle machine for its return.

    Args:
        manifest: Gives the sealed setting; its cap is the number of steps that `fixed-cap` always takes.
    """
    point = manifest.operating_point
    none = Setting.of(point.num_particles, 0, point.step_size, point.selection)
    cap = Setting.of(point.num_particles, point.max_steps, point.step_size, point.selection)
    return (
        Mode(name=FIXED_0, setting=none, keeps_deadline=True, loaded=True),
        Mode(name=FIXED_CAP, setting=cap, keeps_deadline=False, loaded=True),
        Mode(name=ADAPTIVE, setting=cap, keeps_deadline=True, loaded=True),
        Mode(name=ADAPTIVE, setting=cap, keeps_deadline=True, loaded=False),
    )
