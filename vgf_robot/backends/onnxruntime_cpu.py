"""The graphs on the CPU through ONNX Runtime."""

from __future__ import annotations

import numpy as np

from vgf_robot.backends.graphs import Floats, Selected, StepResult
from vgf_robot.backends.onnxruntime_session import BoundGraph, empty_buffers, open_session
from vgf_robot.backends.signature import Signature, signatures
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.errors import ConfigError

STATE = {"particles": "moved", "first_moment": "first_moment_out", "second_moment": "second_moment_out"}


class OnnxRuntimeCpu:
    """One session per graph, bound once to memory that every tick reuses.

    Bound sessions were measured against `run` with a dictionary of inputs, on a step graph so small that only the call
    itself counts (2 cores, ONNX Runtime 1.31): 9.8 us bound, 17.7 us with `run`, which also allocates its outputs.
    """

    def __init__(self, bundle: Bundle, variant: Variant, *, threads: int = 1) -> None:
        if threads < 1:
            raise ConfigError(f"threads: expected 1 or more, found {threads}; give the number of cores to use.")
        manifest = bundle.manifest
        expected = signatures(variant.num_particles, manifest.observation_size, manifest.action_size)
        files = {"reference": variant.reference, "step": variant.step, "select": variant.select}
        sessions = {name: open_session(bundle.folder / file, expected[name], threads) for name, file in files.items()}
        self._reference = _bound_once(sessions["reference"], expected["reference"])
        self._select = _bound_once(sessions["select"], expected["select"])
        self._steps = _bound_in_turn(sessions["step"], expected["step"])
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
        # What the step before wrote lies in this step's inputs already.
        for name, array in (("particles", particles), ("first_moment", first_moment), ("second_moment", second_moment)):
            if array is not inputs[name]:
                np.copyto(inputs[name], array)
        np.copyto(inputs["observation"], observation)
        np.copyto(inputs["origin"], origin)
        inputs["step_index"][()] = step_index
        inputs["step_size"][()] = step_size
        inputs["max_distance"][()] = max_distance
        bound.run()
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


def _bound_once(session: object, signature: Signature) -> BoundGraph:
    return BoundGraph(session, empty_buffers(signature.inputs), empty_buffers(signature.outputs))


def _bound_in_turn(session: object, signature: Signature) -> tuple[BoundGraph, BoundGraph]:
    """Return two bindings of the step graph, each writing the particles and moments that the other one reads."""
    inputs = (empty_buffers(signature.inputs), empty_buffers(signature.inputs))
    outputs = (empty_buffers(signature.outputs), empty_buffers(signature.outputs))
    for name, moved in STATE.items():
        outputs[0][moved], outputs[1][moved] = inputs[1][name], inputs[0][name]
    return BoundGraph(session, inputs[0], outputs[0]), BoundGraph(session, inputs[1], outputs[1])


def _result(bound: BoundGraph) -> StepResult:
    out = bound.outputs
    return StepResult(
        out["moved"], out["first_moment_out"], out["second_moment_out"], out["values"], out["displacement"]
    )
