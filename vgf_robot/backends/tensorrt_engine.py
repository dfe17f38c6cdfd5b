"""One graph as a TensorRT engine: built on the device that runs it, kept in the cache, bound to fixed memory.

Source: TensorRT's Python API, https://docs.nvidia.com/deeplearning/tensorrt/latest/_static/python-api; what 10.3 and 11
have in common is used. Written against that description: see docs/backends.md for where it has run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import tensorrt  # pyright: ignore[reportMissingImports]

from vgf_robot.backends.cuda import Gpu
from vgf_robot.backends.device_graphs import Addresses, Run
from vgf_robot.backends.engine_cache import EngineCache
from vgf_robot.backends.self_contained import self_contained
from vgf_robot.backends.signature import Shape, Signature, verify_tensors
from vgf_robot.errors import BundleError, MachineError

trt: Any = tensorrt
LOGGER: Any = trt.Logger(trt.Logger.ERROR)
TIMINGS = "timings"


class EngineLoader:
    """Loads graphs as engines.

    Args:
        gpu: Where they run.
        cache: Where they are kept.

    Attributes:
        digests: sha256 of each engine that was loaded, by the graph's file.
    """

    def __init__(self, gpu: Gpu, cache: EngineCache) -> None:
        self._gpu = gpu
        self._cache = cache
        self._runtime: Any = trt.Runtime(LOGGER)
        self._loaded: dict[str, Any] = {}
        self.digests: dict[str, str] = {}

    def load(self, path: Path, signature: Signature, precision: str) -> Any:
        """Return a graph's engine, from the cache or built, after checking its inputs and outputs.

        Args:
            path: The .onnx file.
            signature: What the manifest says the graph looks like.
            precision: Of its products; part of the key.

        Raises:
            BundleError: The parser does not take the file, or it is another graph.
            MachineError: TensorRT cannot build it, or not read what it has built.
        """
        if path.name in self._loaded:
            return self._loaded[path.name]
        model = self_contained(path)
        key = {**self._device_key(), "precision": precision, "graph_sha256": hashlib.sha256(model).hexdigest()}
        content = self._cache.read(key)
        engine = None if content is None else self._runtime.deserialize_cuda_engine(content)
        if engine is None:  # none, not whole, or of another make: each is built again
            content = self._build(path, model)
            engine = self._runtime.deserialize_cuda_engine(content)
            if engine is None:
                raise MachineError(
                    f"{path}: TensorRT {trt.__version__} does not read the engine that it has built; see its lines on "
                    "standard error, and reinstall it."
                )
            self._cache.write(key, content)
        inputs, outputs = _tensors(engine)
        verify_tensors(path, "inputs", inputs, signature.inputs)
        verify_tensors(path, "outputs", outputs, signature.outputs)
        self.digests[path.name] = hashlib.sha256(content or b"").hexdigest()
        self._loaded[path.name] = engine
        return engine

    def _device_key(self) -> dict[str, str]:
        gpu = self._gpu
        return {
            "gpu": gpu.name,
            "compute_capability": gpu.compute_capability,
            "driver": gpu.driver,
            "tensorrt": trt.__version__,
        }

    def _build(self, path: Path, model: bytes) -> bytes:
        """Build an engine whose types are those of the graph; this takes seconds to minutes."""
        builder = trt.Builder(LOGGER)
        # TensorRT 11 knows no other networks and ignores the flag.
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, LOGGER)
        if not parser.parse(model):
            errors = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
            raise BundleError(
                f"{path}: expected a graph that the ONNX parser of TensorRT {trt.__version__} takes, found: {errors}; "
                "update TensorRT, or choose another backend, such as onnxruntime-cuda."
            )
        config = builder.create_builder_config()
        config.clear_flag(trt.BuilderFlag.TF32)  # it keeps 10 bits of float32's 23
        timings = config.create_timing_cache(self._cache.read(self._timings_key()) or b"")
        config.set_timing_cache(timings, False)
        built = builder.build_serialized_network(network, config)
        if built is None:
            raise MachineError(
                f"{path}: TensorRT {trt.__version__} cannot build this graph for {self._gpu.name}; see its lines on "
                "standard error, or choose another backend, such as onnxruntime-cuda."
            )
        self._cache.write(self._timings_key(), bytes(config.get_timing_cache().serialize()))
        return bytes(built)

    def _timings_key(self) -> dict[str, str]:
        return {**self._device_key(), "graph_sha256": TIMINGS}


def bound_run(engine: Any, addresses: Addresses, gpu: Gpu) -> Run:
    """Return what queues a run of an engine on the GPU's stream, from and to fixed addresses.

    Raises:
        MachineError: TensorRT refuses an address, or a run.
    """
    context = engine.create_execution_context()
    for name, address in addresses.items():
        if not context.set_tensor_address(name, address):
            raise MachineError(f"TensorRT {trt.__version__} does not take the memory of '{name}'; report this graph.")

    def run() -> None:
        if not context.execute_async_v3(gpu.stream):
            raise MachineError(f"TensorRT {trt.__version__} did not run; see its lines on standard error.")

    return run


def _tensors(engine: Any) -> tuple[dict[str, tuple[Shape, str]], dict[str, tuple[Shape, str]]]:
    """Return shape and type of the inputs and of the outputs, by name."""
    types = {trt.DataType.FLOAT: "float32", trt.DataType.INT64: "int64"}
    inputs: dict[str, tuple[Shape, str]] = {}
    outputs: dict[str, tuple[Shape, str]] = {}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        kind = engine.get_tensor_dtype(name)
        side = inputs if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT else outputs
        side[name] = (tuple(engine.get_tensor_shape(name)), types.get(kind, str(kind)))
    return inputs, outputs
