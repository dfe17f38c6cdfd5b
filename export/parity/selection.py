"""Parity of the select graph: values, the chosen particle, its action."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from export.graphs import SelectGraph
from export.parity.check import PARTICLE_LIMIT, VALUE_LIMIT, Array, Check, array, value_limit, worst_of
from vgf_robot.backends import Graphs

VALUE_WEIGHTS = (0.0, 0.5, 1.0)  # by noise alone, by noise and value, by value alone


@torch.no_grad()
def check_selection(graphs: Graphs, module: SelectGraph, observations: Tensor, particles: Tensor) -> list[Check]:
    """Compare choices by value, by noise, and by both, in turn.

    Args:
        graphs: The exported graphs.
        module: What the graph was made from.
        observations: Shape (B, O).
        particles: Shape (B, N, A).
    """
    errors: dict[str, list[Array]] = {"values": [], "spread": [], "action": []}
    disagreements, compared, tied, largest = 0, 0, 0, 1.0
    generator = torch.Generator().manual_seed(1)
    for number, (observation, points) in enumerate(zip(observations, particles, strict=True)):
        weight = VALUE_WEIGHTS[number % len(VALUE_WEIGHTS)]
        noise = torch.rand(len(points), generator=generator) * (weight != 1.0)
        action, index, values, spread = module(observation, points, noise, torch.tensor(weight))
        found = graphs.select(array(observation), array(points), array(noise), weight)
        largest = max(largest, float(values.abs().max()))
        errors["values"].append(np.abs(found.values - array(values)))
        if _tied(weight * values + noise, value_limit(values)):
            tied += 1
            continue  # either choice is right
        compared += 1
        disagreements += int(found.index != int(index))
        errors["action"].append(np.abs(found.action - array(action)))
        errors["spread"].append(np.abs(found.spread - array(spread)).reshape(1))
    half_range = float(module.action_scaling.half_range.max())
    return [
        worst_of("values at selection", errors["values"], VALUE_LIMIT * largest),
        worst_of("ensemble spread", errors["spread"], VALUE_LIMIT * largest),
        worst_of("action", errors["action"], PARTICLE_LIMIT * max(1.0, half_range)),
        Check(quantity="chosen index", worst=float(disagreements), limit=0.0, comparisons=compared, excluded=tied),
    ]


def _tied(scores: Tensor, rounding: float) -> bool:
    best = torch.sort(scores, descending=True).values
    return len(best) > 1 and float(best[0] - best[1]) <= rounding
