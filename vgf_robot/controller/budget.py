"""The transport budget of one request: how far the particles may be moved, and how many there are."""

from __future__ import annotations

import math
import operator
from typing import SupportsIndex, get_args

import msgspec
import numpy as np

from vgf_robot.bundle import Manifest, OperatingPoint, Selection
from vgf_robot.errors import BudgetError, suggestion

# Particles live in [-1, 1]: a step of 1 crosses half of the range.
LARGEST_STEP_SIZE = 1.0


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one request asks for; None stands for the bundle's sealed setting.

    Attributes:
        max_steps: Transport steps at most; never above the bundle's cap.
        step_size: Size of one step, in normalised action units; never above a sealed one.
        max_distance: Largest distance of a particle from its origin, in normalised action units; never above the
            bundle's.
        min_gain: Once a step has raised the best particle's value by less, no further one is taken; never below a
            sealed one.
        num_particles: N; a variant with this N, at the sealed number of reference steps, must be in the bundle.
        selection: How one particle is chosen.
    """

    max_steps: int | None = None
    step_size: float | None = None
    max_distance: float | None = None
    min_gain: float | None = None
    num_particles: int | None = None
    selection: Selection | None = None

    def __post_init__(self) -> None:
        """Make NumPy's numbers plain, so that a budget can be compared, remembered and sent.

        Raises:
            BudgetError: A value is no number of its kind; whether the bundle allows it is for `resolve` to say.
        """
        for name in ("max_steps", "num_particles"):
            _make_plain(self, name, int, "a whole number")
        for name in ("step_size", "max_distance", "min_gain"):
            _make_plain(self, name, float, "a number")
        _make_plain(self, "selection", str, "a name")


def _make_plain(budget: Budget, name: str, kind: type[int] | type[float] | type[str], expected: str) -> None:
    value: object = getattr(budget, name)
    if value is None or (type(value) is kind and kind is not int):
        return
    plain: object = None
    if kind is int and isinstance(value, SupportsIndex):
        plain = number if -(2**63) <= (number := operator.index(value)) < 2**64 else None  # what a message can carry
    elif kind is float and (isinstance(value, np.integer | np.floating) or _is_small_int(value)):
        plain = float(value)  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]
    elif kind is str and isinstance(value, str):
        plain = str(value)
    if plain is None:
        raise BudgetError(f"{name}: expected {expected} or None, found {value!r}; give another one.")
    msgspec.structs.force_setattr(budget, name, plain)


def _is_small_int(value: object) -> bool:
    return isinstance(value, int) and abs(value) < 2**63


def resolve(budget: Budget, manifest: Manifest) -> OperatingPoint:
    """Return the setting that a request runs at.

    A request may be more cautious than the bundle and never less: it is refused, not clipped, so that nobody
    believes to have got what they asked for. The step size of a bundle that no evaluation has sealed is a guess and
    may be raised, up to 1; that is how evaluations find a better one.

    Args:
        budget: The request.
        manifest: The bundle's.

    Raises:
        BudgetError: More steps than the cap, a step size or distance that is not finite and positive or above the
            bundle's, a gain below it, a selection there is not, or an N that no variant has.
    """
    sealed = manifest.operating_point
    return msgspec.structs.replace(
        sealed,
        num_particles=_num_particles(budget.num_particles, manifest),
        max_steps=_max_steps(budget.max_steps, sealed),
        step_size=_step_size(budget.step_size, sealed),
        max_distance=_max_distance(budget.max_distance, sealed),
        min_gain=_min_gain(budget.min_gain, manifest),
        selection=_selection(budget.selection, sealed),
    )


def _num_particles(wanted: int | None, manifest: Manifest) -> int:
    sealed = manifest.operating_point
    if wanted is None:
        return sealed.num_particles
    if wanted not in manifest.particle_counts:
        raise BudgetError(
            f"num_particles: expected one of {list(manifest.particle_counts)} (the bundle's variants at "
            f"{sealed.reference_steps} reference steps), found {wanted}; ask for one of these, or export more with "
            "`--particles`."
        )
    return wanted


def _max_steps(wanted: int | None, sealed: OperatingPoint) -> int:
    if wanted is None:
        return sealed.max_steps
    if not 0 <= wanted <= sealed.max_steps:
        raise BudgetError(
            f"max_steps: expected 0 to {sealed.max_steps} (the bundle's cap), found {wanted}; ask for fewer, or seal "
            "a higher cap that an evaluation speaks for."
        )
    return wanted


def _step_size(wanted: float | None, sealed: OperatingPoint) -> float:
    if wanted is None:
        return sealed.step_size
    largest, origin = (sealed.step_size, "sealed in the bundle") if sealed.sealed else (LARGEST_STEP_SIZE, "the limit")
    return _positive("step_size", wanted, max(largest, sealed.step_size), origin)


def _max_distance(wanted: float | None, sealed: OperatingPoint) -> float | None:
    if wanted is None:
        return sealed.max_distance
    largest = math.inf if sealed.max_distance is None else sealed.max_distance
    return _positive("max_distance", wanted, largest, "the bundle's own")


def _min_gain(wanted: float | None, manifest: Manifest) -> float | None:
    sealed = manifest.operating_point
    if wanted is None:
        return sealed.min_gain
    if not manifest.transport.step_values:
        raise BudgetError(
            f"min_gain: the steps of this bundle state no values by which a gain could be told, found {wanted:g}; "
            "leave it out, or export the run again with `--step-values`."
        )
    least = 0.0 if sealed.min_gain is None else sealed.min_gain
    if math.isfinite(wanted) and wanted >= least and wanted > 0:
        return wanted
    bound = "a positive, finite number" if least == 0 else f"a finite number of at least {least:g} (sealed)"
    raise BudgetError(f"min_gain: expected {bound}, found {wanted:g}; ask for a larger one, or leave it out.")


def _positive(name: str, wanted: float, largest: float, origin: str) -> float:
    if math.isfinite(wanted) and 0 < wanted <= largest:
        return wanted
    bound = "a positive, finite number" if math.isinf(largest) else f"above 0 and at most {largest:g} ({origin})"
    raise BudgetError(f"{name}: expected {bound}, found {wanted:g}; ask for a smaller one, or leave it out.")


def _selection(wanted: Selection | None, sealed: OperatingPoint) -> Selection:
    if wanted is None:
        return sealed.selection
    if wanted not in get_args(Selection):
        known = ", ".join(get_args(Selection))
        hint = suggestion(str(wanted), get_args(Selection))
        raise BudgetError(f"selection: expected {known}, found '{wanted}'; {hint}")
    return wanted
