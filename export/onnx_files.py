"""Torch modules to ONNX files that share one file of weights."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterable
from pathlib import Path

import onnx
import torch
from onnx.external_data_helper import set_external_data
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from export.graph_checks import OPSET
from vgf_robot.backends import Signature

SMALL_BYTES = 256  # a tensor below this stays inside the graph


def to_onnx(kind: str, module: nn.Module, inputs: tuple[Tensor, ...], signature: Signature) -> onnx.ModelProto:
    """Trace a graph with its gradient and return it as an ONNX model that has passed the checker.

    `make_fx` writes out what `torch.func.grad` does, so that the exporter sees plain operations only.

    Args:
        kind: `reference`, `step` or `select`.
        module: Its module, over one state.
        inputs: Example inputs; their shapes become the graph's.
        signature: Names of inputs and outputs, in order.
    """
    frozen = module.eval().requires_grad_(False)
    with warnings.catch_warnings():
        # torch's exporter warns about its own internals; what matters is checked numerically afterwards.
        warnings.simplefilter("ignore")
        traced = make_fx(frozen)(*inputs)
        program = torch.export.export(traced, inputs)
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        exported = torch.onnx.export(
            program,
            input_names=list(signature.inputs),
            output_names=list(signature.outputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            # The optimiser of the exporter drops additions of small constants such as the 1e-8 of Adam; runtimes
            # optimise at load time anyway.
            optimize=False,
        )
    if exported is None:
        raise RuntimeError("torch.onnx.export returned no program")
    model = exported.model_proto
    model.graph.name = kind
    _write_out_casts(model)
    _drop_source_locations(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def _write_out_casts(model: onnx.ModelProto) -> None:
    """Let every `CastLike` be the `Cast` that it amounts to, in place.

    ONNX Runtime writes it out too, but only after it has folded constants: what hangs on such a constant would be
    computed anew in every run: a quarter of the operations of a reference graph.
    """
    inferred = onnx.shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*inferred.input, *inferred.value_info)}
    kinds |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "CastLike":
            node.op_type = "Cast"
            node.attribute.append(onnx.helper.make_attribute("to", kinds[node.input.pop()]))


def _drop_source_locations(model: onnx.ModelProto) -> None:
    """Remove stack traces and file paths of the machine that exported; they say nothing to a robot."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]


class SharedWeights:
    """One file of weights for many graphs: equal tensors are stored once.

    Args:
        path: The file; graphs that refer to it must stand in the same folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._content = bytearray()

    @classmethod
    def continued(cls, path: Path, graphs: Iterable[Path]) -> SharedWeights:
        """Return the weights of a finished file, to which more are added; what lies in it stays where it is.

        Args:
            path: The file.
            graphs: Those that refer to it.
        """
        weights = cls(path)
        weights._content = bytearray(path.read_bytes())
        for graph in graphs:
            for tensor in onnx.load(graph, load_external_data=False).graph.initializer:
                place = {each.key: each.value for each in tensor.external_data}
                if place:
                    offset, length = int(place["offset"]), int(place["length"])
                    raw = weights._content[offset : offset + length]
                    weights._places[hashlib.sha256(raw).hexdigest()] = (offset, length)
        return weights

    def save(self, model: onnx.ModelProto, path: Path) -> None:
        """Move the model's large tensors to the shared file and write the graph."""
        for tensor in model.graph.initializer:
            raw = onnx.numpy_helper.to_array(tensor).tobytes()
            if len(raw) >= SMALL_BYTES:
                offset, length = self._place(raw)
                tensor.raw_data = raw
                set_external_data(tensor, location=self._path.name, offset=offset, length=length)
                tensor.ClearField("raw_data")
        path.write_bytes(model.SerializeToString(deterministic=True))

    def write(self) -> None:
        """Write the shared file, after the last graph."""
        self._path.write_bytes(bytes(self._content))

    def _place(self, raw: bytes) -> tuple[int, int]:
        key = hashlib.sha256(raw).hexdigest()
        if key not in self._places:
            self._content.extend(b"\0" * (-len(self._content) % 64))  # aligned, so that a runtime may map it
            self._places[key] = (len(self._content), len(raw))
            self._content.extend(raw)
        return self._places[key]
