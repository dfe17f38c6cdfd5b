"""The settings that are compared: everything a request can ask for that the bundle allows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

from sim.evaluation.device_profile import Compute
from sim.tuning.request import TuneRequest
from vgf_robot.bundle import Bundle, OperatingPoint, Selection
from vgf_robot.controller import Budget, resolve
from vgf_robot.errors import BudgetError


class Shape(NamedTuple):
    """Which graphs: everything that changes their numbers."""

    num_particles: int
    reference_steps: int
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One setting; equal behaviour is equal.

    Attributes:
        shape: Its graphs.
        max_steps: Transport steps at most.
        step_size: None without a step.
        selection: None with one particle.
        max_distance: None for no limit, or without a step.
    """

    shape: Shape
    max_steps: int
    step_size: float | None
    selection: Selection | None
    max_distance: float | None

    def budget(self) -> Budget:
        """Return the request that asks for it."""
        return Budget(
            num_particles=self.shape.num_particles,
            max_steps=self.max_steps,
            step_size=self.step_size,
            selection=self.selection,
            max_distance=self.max_distance,
        )

    def settings(self) -> dict[str, Any]:
        """Return it under the keys that every verb uses."""
        return {
            **self.shape._asdict(),
            "max_steps": self.max_steps,
            "step_size": self.step_size,
            "selection": self.selection,
            "max_distance": self.max_distance,
        }

    @property
    def name(self) -> str:
        """As a suite's budget carries it; differs between candidates of one bundle."""
        return f"{self.title}, K {self.shape.reference_steps}, {self.shape.precision}"

    @property
    def title(self) -> str:
        """As people read it, such as `N 10, 4 steps of 0.3`."""
        steps = "no step" if self.max_steps == 0 else f"{self.max_steps} step{'s' * (self.max_steps > 1)}"
        text = f"N {self.shape.num_particles}, {steps}"
        text += "" if self.step_size is None else f" of {self.step_size:g}"
        text += "" if self.max_distance is None else f" within {self.max_distance:g}"
        return text if self.selection in (None, "argmax") else f"{text}, {self.selection}"


def shapes_of(bundle: Bundle, request: TuneRequest) -> list[Shape]:
    """Return the variants that are compared, in the bundle's order.

    Raises:
        BudgetError: One that was asked for is not in the bundle, or needs more reference steps than it is sealed at.
    """
    point = bundle.manifest.operating_point
    there = [
        Shape(each.num_particles, each.reference_steps, each.precision)
        for each in bundle.manifest.variants
        if each.reference_steps <= point.reference_steps
    ]
    for name in Shape._fields:
        known = {getattr(shape, name) for shape in there}
        for wanted in getattr(request, name):
            if wanted not in known:
                raise BudgetError(
                    f"{name}: expected one of {', '.join(map(str, sorted(known)))} (the bundle's variants), found "
                    f"{wanted}; ask for one of these, or export more."
                )
    return [
        shape
        for shape in dict.fromkeys(there)
        if all(getattr(shape, name) in (getattr(request, name) or (getattr(shape, name),)) for name in Shape._fields)
    ]


def candidates_of(bundle: Bundle, request: TuneRequest, shapes: list[Shape]) -> list[Candidate]:
    """Return every setting of the grid.

    Raises:
        BudgetError: A setting that the bundle does not allow.
    """
    point = bundle.manifest.operating_point
    product = itertools.product(
        shapes,
        request.steps or tuple(range(point.max_steps + 1)),
        request.step_size or (point.step_size,),
        request.selection or (point.selection,),
        request.max_distance or (point.max_distance,),
    )
    found = list(dict.fromkeys(_candidate(*values) for values in product))
    for candidate in found:
        restricted = bundle.restricted(
            reference_steps=candidate.shape.reference_steps, precision=candidate.shape.precision
        )
        resolve(candidate.budget(), restricted.manifest)
    return found


def sealed_candidate(point: OperatingPoint, shapes: list[Shape]) -> Candidate | None:
    """Return the setting that the bundle is sealed at; None where its variant is not compared."""
    wanted = (point.num_particles, point.reference_steps)
    shape = next((each for each in shapes if each[:2] == wanted), None)
    if shape is None:
        return None
    return _candidate(shape, point.max_steps, point.step_size, point.selection, point.max_distance)


def on_backend(candidate: Candidate, compute: Compute) -> dict[str, Any]:
    """Return a setting with what computes it, under the keys that every verb uses."""
    return {**candidate.settings(), "backend": compute.backend, "threads": compute.threads}


def _candidate(
    shape: Shape, max_steps: int, step_size: float, selection: Selection, max_distance: float | None
) -> Candidate:
    moves = max_steps > 0
    return Candidate(
        shape=shape,
        max_steps=max_steps,
        step_size=step_size if moves else None,
        selection=selection if shape.num_particles > 1 else None,
        max_distance=max_distance if moves else None,
    )
