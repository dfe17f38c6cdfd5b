"""The transport budget of one request: how far the particles may be moved, and how many there are."""

from __future__ import annotations

import msgspec

from vgf_robot.bundle.manifest import Manifest, OperatingPoint, Selection
from vgf_robot.errors import BudgetError


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one request asks for; None stands for the bundle's sealed setting.

    Attributes:
        max_steps: Transport steps at most; never above the bundle's cap.
        step_size: Size of one step, in normalised action units.
        max_distance: Largest distance of a particle from its origin, in normalised action units.
        num_particles: N; a variant with this N must be in the bundle.
        selection: How one particle is chosen.
    """

    max_steps: int | None = None
    step_size: float | None = None
    max_distance: float | None = None
    num_particles: int | None = None
    selection: Selection | None = None


def resolve(budget: Budget, manifest: Manifest) -> OperatingPoint:
    """Return the setting that a request runs at.

    Raises:
        BudgetError: More steps than the cap, a step size or distance that is not finite and positive, or an N that
            no variant has.
    """
    sealed = manifest.operating_point
    raise NotImplementedError((sealed, BudgetError))
