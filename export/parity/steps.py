"""Parity of the step graph, along flows that torch computes."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor

from export.graphs import StepGraph
from export.parity.ambiguity import SETTLED_SHARE, at_kink, clear_particles, decided_particles
from export.parity.check import PARTICLE_LIMIT, VALUE_LIMIT, Array, Check, array, worst_of
from policies.transport import Transport
from vgf_robot.backends import Graphs, StepResult

STEP_SIZES = (0.01, 0.05)
DISTANCES = (0.04, math.inf)  # one that binds from the first steps on, and none


class StepErrors:
    """Errors of the step graph, collected over states and step indices.

    Each step starts from torch's state, so that errors do not add up along a flow.

    Args:
        graphs: The exported graphs.
        transport: The flow as exported.
    """

    def __init__(self, graphs: Graphs, transport: Transport) -> None:
        self._graphs = graphs
        self._transport = transport
        self._module = StepGraph(transport)
        self._precise = StepGraph(copy.deepcopy(transport).double())
        self._errors: dict[str, list[Array]] = {"moved": [], "moments": [], "values": [], "displacement": []}
        self._largest_value = 1.0
        self._excluded = 0

    @torch.no_grad()
    def follow(self, observation: Tensor, origin: Tensor, number: int, num_steps: int) -> Tensor:
        """Take torch's steps from one state and compare each with the graph's.

        Args:
            observation: Shape (O,).
            origin: Shape (N, A), reference particles.
            number: Which state this is; chooses step size and distance in turn.
            num_steps: Step indices 0 to num_steps - 1 are compared.

        Returns:
            Where the flow arrives, shape (N, A).
        """
        step_size = STEP_SIZES[number % len(STEP_SIZES)]
        distance = DISTANCES[number // len(STEP_SIZES) % len(DISTANCES)]
        particles, first, second = origin, torch.zeros_like(origin), torch.zeros_like(origin)
        for index in range(num_steps):
            scalars = (torch.tensor(index), torch.tensor(step_size), torch.tensor(distance))
            inputs = (observation, particles, origin, first, second, *scalars)
            expected = self._module(*inputs)
            found = self._graphs.step(
                array(observation),
                array(particles),
                array(origin),
                array(first),
                array(second),
                index,
                step_size,
                distance,
            )
            self._keep(inputs, expected, found)
            particles, first, second = expected[:3]
        return particles

    def _keep(self, inputs: tuple[Tensor, ...], expected: tuple[Tensor, ...], found: StepResult) -> None:
        moved, first, second, *stated, displacement = map(array, expected)
        if found.values is not None:
            values = stated[0]
            self._errors["values"].append(np.abs(found.values - values))
            self._largest_value = max(self._largest_value, float(np.abs(values).max()))
        precise = tuple(tensor.double() if tensor.is_floating_point() else tensor for tensor in inputs)
        kinked = at_kink(self._transport, *inputs[:2])
        decided = decided_particles(self._precise.transport, precise) if kinked else torch.ones(len(moved)).bool()
        settled = self._settled(precise, expected[0])
        clear = array(decided & settled & clear_particles(self._transport, *inputs[:2]))
        self._excluded += int((~clear).sum()) * moved.shape[-1]
        moment_scale = max(1.0, float(np.abs(first).max()), float(np.abs(second).max()))
        moments = np.stack([np.abs(found.first_moment - first), np.abs(found.second_moment - second)])
        self._errors["moved"].append(np.abs(found.moved - moved)[clear])
        self._errors["moments"].append(moments[:, array(decided)] / moment_scale)
        self._errors["displacement"].append(np.abs(found.displacement - displacement)[clear])

    def _settled(self, inputs: tuple[Tensor, ...], moved: Tensor) -> Tensor:
        """Return which particles torch itself moves alike in float32 and float64, shape (N,).

        Where a moment is a rest of cancelled gradients, Adam divides rounding by rounding.
        """
        return ((moved - self._precise(*inputs)[0]).abs() <= SETTLED_SHARE * PARTICLE_LIMIT).all(-1)

    def checks(self) -> list[Check]:
        """Return the receipt's lines on the step graph."""
        values = worst_of("values before a step", self._errors["values"], VALUE_LIMIT * self._largest_value)
        return [
            worst_of("moved particles", self._errors["moved"], PARTICLE_LIMIT, self._excluded),
            worst_of("optimiser moments", self._errors["moments"], PARTICLE_LIMIT),
            *([values] if self._transport.step_values else []),
            worst_of("displacement", self._errors["displacement"], PARTICLE_LIMIT),
        ]
