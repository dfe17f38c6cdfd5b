"""Which settings an evaluation runs, and what each is called."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sim.evaluation.setting import Setting
from vgf_robot.bundle.manifest import Manifest, Selection
from vgf_robot.controller.budget import resolve

REFERENCE, BEST_OF_N, TUNED, SWEEP = "reference", "best-of-n", "tuned", "sweep"
_BEST_OF = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The values to sweep; an axis left empty stays at the bundle's operating point.

    Attributes:
        num_particles: Values of N.
        max_steps: Numbers of transport steps.
        step_size: Step sizes, in normalised action units.
        selection: Rules.
    """

    num_particles: Sequence[int] = ()
    max_steps: Sequence[int] = ()
    step_size: Sequence[float] = ()
    selection: Sequence[Selection] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is swept."""
        return not (self.num_particles or self.max_steps or self.step_size or self.selection)


def plan_rows(axes: Axes, manifest: Manifest) -> list[tuple[str, Setting]]:
    """Return mode and setting of every row, in the order of the table.

    Without axes these are the three modes. Two modes may share a setting, a tuned cap of 0 for example: both rows
    are there.

    Raises:
        BudgetError: A setting that the bundle does not allow or does not carry.
    """
    modes = _modes(manifest)
    if axes.empty:
        return list(modes.items())
    names = {setting: mode for mode, setting in reversed(modes.items())}  # where two share one, the first name stays
    rows = [(names.get(setting, SWEEP), setting) for setting in _grid(axes, manifest)]
    for _, setting in rows:
        resolve(setting.budget(), manifest)
    return rows


def exported_particles(manifest: Manifest) -> list[int]:
    """Return every N that the bundle carries at the operating point's reference steps, ascending."""
    steps = manifest.operating_point.reference_steps
    return sorted({variant.num_particles for variant in manifest.variants if variant.reference_steps == steps})


def _modes(manifest: Manifest) -> dict[str, Setting]:
    """Return the modes that the bundle can run; one without several particles has no best of them."""
    point, counts = manifest.operating_point, exported_particles(manifest)
    best_of = _BEST_OF if _BEST_OF in counts else counts[-1]
    modes: dict[str, Setting] = {}
    if 1 in counts:
        modes[REFERENCE] = Setting.of(1, 0, point.step_size, point.selection)
    if best_of > 1:
        modes[BEST_OF_N] = Setting.of(best_of, 0, point.step_size, "argmax")
    modes[TUNED] = Setting.of(point.num_particles, point.max_steps, point.step_size, point.selection)
    return modes


def _grid(axes: Axes, manifest: Manifest) -> list[Setting]:
    point = manifest.operating_point
    product = itertools.product(
        axes.num_particles or (point.num_particles,),
        axes.max_steps or (point.max_steps,),
        axes.step_size or (point.step_size,),
        axes.selection or (point.selection,),
    )
    return list(dict.fromkeys(Setting.of(*values) for values in product))
