"""How a controller stands, in the words of the control socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from vgf_robot.control.messages import Robot, State
from vgf_robot.controller import Budget, Controller
from vgf_robot.wire.messages import VERSION

SEALED = Budget()


def state_of(
    controller: Controller,
    *,
    sequence: int,
    role: Literal["serve", "drive"],
    bundle_sha256: str,
    counters: Mapping[str, int],
    robots: tuple[Robot, ...],
    budget: Budget = SEALED,
) -> State:
    """Return the reply to a request.

    Args:
        controller: What runs, with every variant that `budget` asks for.
        sequence: Of the request.
        role: Which verb it is.
        bundle_sha256: Hash of the bundle.
        counters: What has happened since the start.
        robots: Those that are commanded.
        budget: What ticks run at where nobody asks for anything else.
    """
    costs, manifest = controller.costs(budget), controller.manifest
    return State(
        version=VERSION,
        sequence=sequence,
        role=role,
        bundle=manifest.name,
        bundle_sha256=bundle_sha256,
        control_period_s=manifest.control_period_s,
        sealed=manifest.operating_point,
        ceilings=controller.ceilings,
        point=controller.point(budget),
        reference_ns=costs.reference.estimate_ns,
        step_ns=costs.step.estimate_ns,
        select_ns=costs.select.estimate_ns,
        margin_ns=controller.margin_ns(budget),
        counters=dict(counters),
        robots=robots,
    )
