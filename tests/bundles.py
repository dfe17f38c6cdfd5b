"""A small but real bundle, written with onnx.helper: quick to make, quick to run, and known by hand.

With target(o) = 0.5 * o[:2], every particle x is scored -|x - target|^2, a step moves it by step_size *
sign(target - x), and the action in the robot's units is 2 * x of the chosen particle.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vgf_robot.bundle import Field, Manifest, OperatingPoint, Transport, Variant, write_manifest

OBSERVATION_SIZE = 3
ACTION_SIZE = 2
ACTION_SCALE = 2.0
REFERENCE_SCALE = 0.1
OPSET = 20


def target(observation: np.ndarray) -> np.ndarray:
    """Return the particle of the highest value, shape (2,)."""
    return 0.5 * observation[:ACTION_SIZE]


def make_bundle(
    folder: Path,
    *,
    action_kind: str = "delta",
    control_period_s: float = 0.05,
    num_particles: tuple[int, ...] = (1, 4),
    max_steps: int = 3,
    environment: str = "Test-v0",
    name: str = "tiny",
    reference_steps: int = 2,
    step_size: float = 0.05,
    max_distance: float | None = None,
    selection: str = "argmax",
    temperature: float = 1.0,
    sealed: bool = False,
    action_rate_limit: tuple[float, ...] | None = None,
    safe_action: tuple[float, ...] = (0.0, 0.0),
    reference_scale: float = REFERENCE_SCALE,
    step_values: bool = True,
) -> Path:
    """Write the bundle into the folder (made if missing) and return the folder; it runs at the largest N."""
    folder.mkdir(parents=True, exist_ok=True)
    variants = tuple(
        _write_variant(folder, num, reference_steps, reference_scale, step_values) for num in num_particles
    )
    (folder / "receipt.json").write_text(json.dumps(_receipt(variants)))
    point = OperatingPoint(
        num_particles=max(num_particles),
        reference_steps=reference_steps,
        max_steps=max_steps,
        step_size=step_size,
        max_distance=max_distance,
        selection=selection,  # type: ignore[arg-type]
        temperature=temperature,
        sealed=sealed,
    )
    manifest = Manifest(
        schema_version=1,
        name=name,
        environment=environment,
        observation=(
            Field(name="goal", size=2, unit="m", low=(-1.0, -1.0), high=(1.0, 1.0)),
            Field(name="speed", size=1, unit="m/s", low=(-2.0,), high=(2.0,)),
        ),
        action=(Field(name="displacement", size=2, unit="m", low=(-2.0, -2.0), high=(2.0, 2.0)),),
        action_kind=action_kind,  # type: ignore[arg-type]
        action_rate_limit=action_rate_limit,
        safe_action=safe_action,
        control_period_s=control_period_s,
        transport=Transport(
            form="independent", optimiser="plain", alpha=1.0, aggregation="mean", step_values=step_values
        ),
        operating_point=point,
        variants=variants,
        provenance={
            "seed": 0,
            "scores": {"settings": {"seed": 1}, "rows": [{"mode": "tuned", "episodes": 10, "success_rate": 0.5}]},
        },
        files={},
    )
    return write_manifest(folder, manifest).folder


def _receipt(variants: tuple[Variant, ...]) -> dict:
    check = {"quantity": "action", "worst": 1e-7, "limit": 1e-4, "comparisons": 8, "passed": True}
    entries = [
        {"num_particles": v.num_particles, "reference_steps": v.reference_steps, "checks": [check]} for v in variants
    ]
    return {"backend": "onnxruntime-cpu", "passed": True, "variants": entries}


def _write_variant(folder: Path, num: int, reference_steps: int, reference_scale: float, step_values: bool) -> Variant:
    names = {graph: f"{graph}-n{num}.onnx" for graph in ("reference", "step", "select")}
    models = {"reference": _reference(num, reference_scale), "step": _step(num, step_values), "select": _select(num)}
    for graph, model in models.items():
        onnx.checker.check_model(model)
        (folder / names[graph]).write_bytes(model.SerializeToString())
    return Variant(num_particles=num, reference_steps=reference_steps, precision="float32", **names)


def _reference(num: int, scale: float) -> onnx.ModelProto:
    nodes = [
        helper.make_node("ReduceSum", ["observation"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Mul", ["noise", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "nothing"], ["shifted"]),
        helper.make_node("Clip", ["shifted", "minus_one", "one"], ["particles"]),
    ]
    constants = {"scale": scale, "zero": 0.0, "one": 1.0, "minus_one": -1.0}
    inputs = {"observation": (OBSERVATION_SIZE,), "noise": (num, ACTION_SIZE)}
    return _model("reference", nodes, inputs, {"particles": (num, ACTION_SIZE)}, constants)


def _value_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Slice", ["observation", "start", "end"], ["goal"]),
        helper.make_node("Mul", ["goal", "half"], ["target"]),
        helper.make_node("Sub", ["target", "particles"], ["gap"]),
        helper.make_node("ReduceSumSquare", ["gap", "axis"], ["distance"], keepdims=0),
        helper.make_node("Neg", ["distance"], ["values"]),
    ]


_VALUE_CONSTANTS = {
    "start": np.array([0], np.int64),
    "end": np.array([ACTION_SIZE], np.int64),
    "axis": np.array([1], np.int64),
    "half": 0.5,
}


def _step(num: int, states_values: bool) -> onnx.ModelProto:
    nodes = [
        *_value_nodes(),
        helper.make_node("Sign", ["gap"], ["direction"]),
        helper.make_node("Mul", ["direction", "step_size"], ["move"]),
        helper.make_node("Add", ["particles", "move"], ["free"]),
        helper.make_node("Sub", ["free", "origin"], ["offset"]),
        helper.make_node("ReduceL2", ["offset", "axis"], ["length"], keepdims=1),
        # The projection onto the ball of max_distance around the origin; +inf leaves the factor at one.
        helper.make_node("Max", ["length", "tiny"], ["divisor"]),
        helper.make_node("Div", ["max_distance", "divisor"], ["ratio"]),
        helper.make_node("Min", ["ratio", "one"], ["factor"]),
        helper.make_node("Mul", ["offset", "factor"], ["allowed"]),
        helper.make_node("Add", ["origin", "allowed"], ["moved"]),
        helper.make_node("ReduceL2", ["allowed", "axis"], ["displacement"], keepdims=0),
        helper.make_node("Cast", ["step_index"], ["step_number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["step_number", "zero"], ["nothing"]),
        helper.make_node("Add", ["first_moment", "nothing"], ["first_moment_out"]),
        helper.make_node("Identity", ["second_moment"], ["second_moment_out"]),
    ]
    grid = (num, ACTION_SIZE)
    names = ("particles", "origin", "first_moment", "second_moment")
    inputs = {"observation": (OBSERVATION_SIZE,), **dict.fromkeys(names, grid)}
    inputs |= {"step_index": (), "step_size": (), "max_distance": ()}
    outputs = {"moved": grid, "first_moment_out": grid, "second_moment_out": grid}
    outputs |= {"values": (num,)} if states_values else {}
    constants = {**_VALUE_CONSTANTS, "tiny": 1e-12, "one": 1.0, "zero": 0.0}
    return _model("step", nodes, inputs, {**outputs, "displacement": (num,)}, constants)


def _select(num: int) -> onnx.ModelProto:
    nodes = [
        *_value_nodes(),
        helper.make_node("Mul", ["values", "value_weight"], ["weighted"]),
        helper.make_node("Add", ["weighted", "selection_noise"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["index"], axis=0, keepdims=0),
        helper.make_node("Gather", ["particles", "index"], ["chosen"], axis=0),
        helper.make_node("Mul", ["chosen", "action_scale"], ["action"]),
        helper.make_node("ReduceSum", ["values"], ["value_sum"], keepdims=0),
        helper.make_node("Mul", ["value_sum", "zero"], ["spread"]),
    ]
    inputs = {"observation": (OBSERVATION_SIZE,), "particles": (num, ACTION_SIZE)}
    inputs |= {"selection_noise": (num,), "value_weight": ()}
    outputs = {"action": (ACTION_SIZE,), "index": (), "values": (num,), "spread": ()}
    return _model("select", nodes, inputs, outputs, {**_VALUE_CONSTANTS, "action_scale": ACTION_SCALE, "zero": 0.0})


def _model(name: str, nodes: list, inputs: dict, outputs: dict, constants: dict) -> onnx.ModelProto:
    def info(tensor: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
        kind = TensorProto.INT64 if tensor in ("step_index", "index") else TensorProto.FLOAT
        return helper.make_tensor_value_info(tensor, kind, shape)

    arrays = {key: value if isinstance(value, np.ndarray) else np.float32(value) for key, value in constants.items()}
    graph = helper.make_graph(
        nodes,
        name,
        [info(*item) for item in inputs.items()],
        [info(*item) for item in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), key) for key, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
