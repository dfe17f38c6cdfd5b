"""The three graphs over fixed memory: what is alike in every backend on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends.graphs import Floats, Selected, StepResult
from vgf_robot.backends.signature import Shape, Signature, dtype_of
from vgf_robot.errors import ConfigError

Buffers = dict[str, NDArray[Any]]
Bind = Callable[[str, Buffers, Buffers], "Bound"]

# Far more than any machine has use for; a hundred thousand would start, and never be done.
MOST_THREADS = 256
STATE = {"particles": "moved", "first_moment": "first_moment_out", "second_moment": "second_moment_out"}


class Bound(Protocol):
    """A graph that reads from and writes to fixed arrays.

    Attributes:
        inputs: Fill these before `run`.
        outputs: Filled by `run`.
    """

    inputs: Buffers
    outputs: Buffers

    def run(self, chained: bool = False) -> None:
        """Run the graph once.

        Args:
            chained: Particles and moments are those that the step before wrote, where it wrote them.
        """
        ...


class BoundGraphs:
    """Each graph bound once to memory that every tick reuses; see `Graphs` for the three calls.

    The step graph is bound twice, in turn: each binding writes the particles and moments that the other one reads.

    Args:
        expected: Signatures of `reference`, `step` and `select`.
        bind: Binds the graph of this name to inputs and outputs, or to arrays of its own of the same shapes.
        facts: What runs them: `device`, `library`, and whatever else tells one opening from another; a receipt holds
            for these alone.

    Attributes:
        facts: As given.
    """

    def __init__(self, expected: Mapping[str, Signature], bind: Bind, facts: Mapping[str, str] | None = None) -> None:
        self.facts: dict[str, str] = dict(facts or {})

        def bound_once(name: str) -> Bound:
            return bind(name, empty_buffers(expected[name].inputs), empty_buffers(expected[name].outputs))

        inputs = (empty_buffers(expected["step"].inputs), empty_buffers(expected["step"].inputs))
        outputs = (empty_buffers(expected["step"].outputs), empty_buffers(expected["step"].outputs))
        for name, moved in STATE.items():
            outputs[0][moved], outputs[1][moved] = inputs[1][name], inputs[0][name]
        self._reference = bound_once("reference")
        self._steps = (bind("step", inputs[0], outputs[0]), bind("step", inputs[1], outputs[1]))
        self._select = bound_once("select")
        self._results = [_result(bound) for bound in self._steps]

    def reference(self, observation: Floats, noise: Floats) -> Floats:
        """Draw particles from the reference policy; see `Graphs`."""
        bound = self._reference
        np.copyto(bound.inputs["observation"], observation)
        np.copyto(bound.inputs["noise"], noise)
        bound.run()
        return bound.outputs["particles"]

    def step(
        self,
        observation: Floats,
        particles: Floats,
        origin: Floats,
        first_moment: Floats,
        second_moment: Floats,
        step_index: int,
        step_size: float,
        max_distance: float,
    ) -> StepResult:
        """Move the particles one transport step; see `Graphs`."""
        turn = 1 if particles is self._steps[1].inputs["particles"] else 0
        bound = self._steps[turn]
        inputs = bound.inputs
        state = (("particles", particles), ("first_moment", first_moment), ("second_moment", second_moment))
        # What the step before wrote lies in this step's inputs already.
        moved_in = [(name, array) for name, array in state if array is not inputs[name]]
        for name, array in moved_in:
            np.copyto(inputs[name], array)
        np.copyto(inputs["observation"], observation)
        np.copyto(inputs["origin"], origin)
        inputs["step_index"][()] = step_index
        inputs["step_size"][()] = step_size
        inputs["max_distance"][()] = max_distance
        bound.run(chained=not moved_in)
        return self._results[turn]

    def select(self, observation: Floats, particles: Floats, selection_noise: Floats, value_weight: float) -> Selected:
        """Choose one particle; see `Graphs`."""
        bound = self._select
        inputs, outputs = bound.inputs, bound.outputs
        np.copyto(inputs["observation"], observation)
        np.copyto(inputs["particles"], particles)
        np.copyto(inputs["selection_noise"], selection_noise)
        inputs["value_weight"][()] = value_weight
        bound.run()
        return Selected(outputs["action"], int(outputs["index"]), outputs["values"], float(outputs["spread"]))


def empty_buffers(shapes: Mapping[str, Shape]) -> Buffers:
    """Return one zeroed array per tensor."""
    return {name: np.zeros(shape, dtype_of(name)) for name, shape in shapes.items()}


def require_threads(threads: int) -> None:
    """Refuse a number of threads that has no meaning.

    Raises:
        ConfigError: It is less than 1, or more than any core of this machine could have use for.
    """
    if threads < 1:
        raise ConfigError(f"threads: expected 1 or more, found {threads}; give the number of cores to use.")
    if threads > MOST_THREADS:
        raise ConfigError(f"threads: expected at most {MOST_THREADS}, found {threads}; give the number of cores.")


def _result(bound: Bound) -> StepResult:
    out = bound.outputs
    return StepResult(
        out["moved"], out["first_moment_out"], out["second_moment_out"], out.get("values"), out["displacement"]
    )
