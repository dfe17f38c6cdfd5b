"""A GPU that is the host's own memory, and TensorRT and ONNX Runtime's CUDA provider on it: what they are asked to do.

They answer as the libraries' descriptions say; whether the libraries do is seen on a GPU alone.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
from collections.abc import Callable
from contextlib import contextmanager
from enum import IntEnum
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime

from vgf_robot.backends import cuda

ALIGNMENT = 256
MAGIC = b"engine of a fake\n"
NUMPY_TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


class FakeDriver:
    """The functions of libcuda that are used; a capture keeps what is queued, and a launch does it."""

    def __init__(self, name: str = "Fake GPU") -> None:
        self.name = name
        self.copies: list[tuple[str, int]] = []
        self.launches = 0
        self.allocated: dict[int, object] = {}
        self.failing: set[str] = set()
        self.streams: set[int] = set()
        self.graphs: dict[int, list[Callable[[], object]]] = {}
        self.while_recording: Callable[[], object] = lambda: None
        self._recording: dict[int, list[Callable[[], object]]] = {}
        self._handles = itertools.count(7)

    def __getattribute__(self, name: str):
        found = super().__getattribute__(name)
        if name.startswith("cu") and name in self.failing:
            return lambda *_: 999
        return found

    def queue(self, work: Callable[[], object], stream: int) -> None:
        assert stream in self.streams
        if stream in self._recording:
            self._recording[stream].append(work)
        else:
            work()

    def cuInit(self, _flags) -> int:  # noqa: N802
        return 0

    def cuDeviceGet(self, device, _ordinal) -> int:  # noqa: N802
        device._obj.value = 0
        return 0

    def cuDevicePrimaryCtxRetain(self, context, _device) -> int:  # noqa: N802
        context._obj.value = 1
        return 0

    def cuCtxSetCurrent(self, context) -> int:  # noqa: N802
        assert context.value == 1
        return 0

    def cuDeviceGetName(self, buffer, _size, _device) -> int:  # noqa: N802
        buffer.value = self.name.encode()
        return 0

    def cuDeviceGetAttribute(self, value, attribute, _device) -> int:  # noqa: N802
        value._obj.value = {75: 8, 76: 7}[attribute.value]
        return 0

    def cuDriverGetVersion(self, value) -> int:  # noqa: N802
        value._obj.value = 12060
        return 0

    def cuStreamCreate(self, stream, _flags) -> int:  # noqa: N802
        stream._obj.value = next(self._handles)
        self.streams.add(stream._obj.value)
        return 0

    def cuStreamDestroy_v2(self, stream) -> int:  # noqa: N802
        self.streams.remove(stream.value)
        return 0

    def cuThreadExchangeStreamCaptureMode(self, mode) -> int:  # noqa: N802
        assert mode._obj.value == 1
        return 0

    def cuMemAlloc_v2(self, pointer, size) -> int:  # noqa: N802
        buffer = ctypes.create_string_buffer(size.value + ALIGNMENT)
        address = ctypes.addressof(buffer) + -ctypes.addressof(buffer) % ALIGNMENT
        self.allocated[address] = buffer
        pointer._obj.value = address
        return 0

    cuMemAllocHost_v2 = cuMemAlloc_v2  # noqa: N815

    def cuMemFree_v2(self, pointer) -> int:  # noqa: N802
        del self.allocated[pointer.value]
        return 0

    cuMemFreeHost = cuMemFree_v2  # noqa: N815

    def cuMemcpyHtoDAsync_v2(self, target, source, size, stream) -> int:  # noqa: N802
        return self._copy("in", target.value, source.value, size.value, stream.value)

    def cuMemcpyDtoHAsync_v2(self, target, source, size, stream) -> int:  # noqa: N802
        return self._copy("out", target.value, source.value, size.value, stream.value)

    def _copy(self, way: str, target: int, source: int, size: int, stream: int) -> int:
        def copy() -> None:
            self.copies.append((way, size))
            ctypes.memmove(target, source, size)

        self.queue(copy, stream)
        return 0

    def cuStreamSynchronize(self, stream) -> int:  # noqa: N802
        assert stream.value not in self._recording, "nothing may be waited for while it is recorded"
        return 0

    def cuStreamBeginCapture_v2(self, stream, mode) -> int:  # noqa: N802
        assert mode.value == 1
        self._recording[stream.value] = []
        self.while_recording()
        return 0

    def cuStreamEndCapture(self, stream, graph) -> int:  # noqa: N802
        graph._obj.value = next(self._handles)
        self.graphs[graph._obj.value] = self._recording.pop(stream.value)
        return 0

    def cuGraphInstantiateWithFlags(self, executable, graph, _flags) -> int:  # noqa: N802
        executable._obj.value = next(self._handles)
        self.graphs[executable._obj.value] = self.graphs[graph.value]
        return 0

    def cuGraphDestroy(self, graph) -> int:  # noqa: N802
        del self.graphs[graph.value]
        return 0

    cuGraphExecDestroy = cuGraphDestroy  # noqa: N815

    def cuGraphLaunch(self, executable, stream) -> int:  # noqa: N802
        self.launches += 1
        for work in self.graphs[executable.value]:
            self.queue(work, stream.value)
        return 0

    def cuGetErrorString(self, _code, text) -> int:  # noqa: N802
        text._obj.value = b"a made up fault"
        return 0


@contextmanager
def a_gpu(monkeypatch, driver: FakeDriver | None = None):
    """Put a GPU into this machine and yield its driver."""
    driver = driver or FakeDriver()
    monkeypatch.setattr(cuda, "load_library", lambda: driver)
    yield driver


def array_at(address: int, shape: tuple[int, ...], kind: type) -> np.ndarray:
    """Return what lies at an address of the fake GPU."""
    length = int(np.prod(shape)) * np.dtype(kind).itemsize
    return np.frombuffer((ctypes.c_uint8 * length).from_address(address), kind).reshape(shape)


class FakeTensorRt(SimpleNamespace):
    """The part of the package `tensorrt` that is used, with engines that ONNX Runtime computes."""

    class Logger:
        ERROR = 1

        def __init__(self, _level: int) -> None:
            pass

    class NetworkDefinitionCreationFlag(IntEnum):
        EXPLICIT_BATCH = 0
        STRONGLY_TYPED = 1

    class BuilderFlag(IntEnum):
        TF32 = 7

    class DataType(IntEnum):
        FLOAT = 0
        INT64 = 1

    class TensorIOMode(IntEnum):
        INPUT = 1
        OUTPUT = 2

    def __init__(self, driver: FakeDriver, version: str = "10.3.0") -> None:
        super().__init__(__version__=version, builds=0, flags=[], distort=lambda _name, array: array)
        self.Builder = lambda _logger: _Builder(self)
        self.OnnxParser = lambda network, _logger: _Parser(network)
        self.Runtime = lambda _logger: _Runtime(self, driver)


class _Builder:
    def __init__(self, trt: FakeTensorRt) -> None:
        self._trt = trt

    def create_network(self, flags: int) -> SimpleNamespace:
        self._trt.flags.append(flags)
        return SimpleNamespace(model=None)

    def create_builder_config(self) -> SimpleNamespace:
        config = SimpleNamespace(cleared=[], timings=None)
        config.clear_flag = config.cleared.append
        config.create_timing_cache = lambda content: SimpleNamespace(serialize=lambda: content or b"timings")
        config.set_timing_cache = lambda timings, _ignore: setattr(config, "timings", timings)
        config.get_timing_cache = lambda: config.timings
        return config

    def build_serialized_network(self, network: SimpleNamespace, config: SimpleNamespace) -> bytes | None:
        assert config.cleared == [FakeTensorRt.BuilderFlag.TF32]
        self._trt.builds += 1
        return MAGIC + network.model


class _Parser:
    def __init__(self, network: SimpleNamespace) -> None:
        self._network = network
        self._errors: list[str] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> str:
        return self._errors[index]

    def parse(self, content: bytes) -> bool:
        model = onnx.load_from_string(content)
        if any(tensor.external_data for tensor in model.graph.initializer):
            self._errors.append("weights are not here")
        for node in model.graph.node:
            if node.op_type == "LayerNormalization" and any(node.output[1:]):
                self._errors.append("only the first output `Y` is supported")
        self._network.model = content
        return not self._errors


class _Runtime:
    def __init__(self, trt: FakeTensorRt, driver: FakeDriver) -> None:
        self._trt = trt
        self._driver = driver

    def deserialize_cuda_engine(self, content: bytes):
        whole = content.startswith(MAGIC)
        return _Engine(self._trt, self._driver, content.removeprefix(MAGIC)) if whole else None


class _Engine:
    def __init__(self, trt: FakeTensorRt, driver: FakeDriver, model: bytes) -> None:
        self._trt = trt
        self._driver = driver
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.inputs = {node.name: node for node in self.session.get_inputs()}
        self.outputs = {node.name: node for node in self.session.get_outputs()}
        self.tensors = self.inputs | self.outputs
        self.num_io_tensors = len(self.tensors)

    def get_tensor_name(self, index: int) -> str:
        return list(self.tensors)[index]

    def get_tensor_dtype(self, name: str) -> FakeTensorRt.DataType:
        return {"tensor(float)": FakeTensorRt.DataType.FLOAT, "tensor(int64)": FakeTensorRt.DataType.INT64}[
            self.tensors[name].type
        ]

    def get_tensor_mode(self, name: str) -> FakeTensorRt.TensorIOMode:
        return FakeTensorRt.TensorIOMode.INPUT if name in self.inputs else FakeTensorRt.TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> list[int]:
        return self.tensors[name].shape

    def create_execution_context(self) -> _Context:
        return _Context(self, self._trt, self._driver)


class _Context:
    def __init__(self, engine: _Engine, trt: FakeTensorRt, driver: FakeDriver) -> None:
        self._engine = engine
        self._trt = trt
        self._driver = driver
        self._addresses: dict[str, int] = {}

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return name in self._engine.tensors and address % ALIGNMENT == 0

    def execute_async_v3(self, stream: int) -> bool:
        self._driver.queue(self._run, stream)
        return True

    def _run(self) -> None:
        def array(node) -> np.ndarray:
            return array_at(self._addresses[node.name], tuple(node.shape), NUMPY_TYPES[node.type])

        inputs = {name: array(node).copy() for name, node in self._engine.inputs.items()}
        names = list(self._engine.outputs)
        for name, found in zip(names, self._engine.session.run(names, inputs), strict=True):
            array(self._engine.outputs[name])[...] = self._trt.distort(name, found)


@contextmanager
def a_tensorrt(monkeypatch, driver: FakeDriver, version: str = "10.3.0"):
    """Install TensorRT and yield it."""
    trt = FakeTensorRt(driver, version)
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    for name in ("tensorrt_engine", "tensorrt_native"):
        monkeypatch.delitem(sys.modules, f"vgf_robot.backends.{name}", raising=False)
    try:
        yield trt
    finally:
        for name in ("tensorrt_engine", "tensorrt_native"):
            sys.modules.pop(f"vgf_robot.backends.{name}", None)


class FakeOnnxRuntime(SimpleNamespace):
    """ONNX Runtime as its GPU build is: sessions on the CPU whose memory is said to be the GPU's."""

    def __init__(self, *providers: str, loads: bool = True) -> None:
        super().__init__(__version__="1.31.0", asked=[], run_options=[])
        self._providers = providers
        self._loads = loads

    def get_available_providers(self) -> list[str]:
        return [*self._providers, "CPUExecutionProvider"]

    def SessionOptions(self) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(add_session_config_entry=lambda _key, _value: None)

    def RunOptions(self) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(add_run_config_entry=lambda key, value: self.run_options.append((key, value)))

    def InferenceSession(self, source, options=None, *, providers, enable_fallback=1):  # noqa: N802
        if options is not None and not self._loads:
            raise RuntimeError("nodes that are assigned to the default CPU EP")
        real = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
        if options is not None and enable_fallback == 0:
            self.asked.append(providers)
        return _FakeSession(real, [providers[0][0]] if self._loads else ["CPUExecutionProvider"])


class _FakeSession:
    def __init__(self, real, used: list[str]) -> None:
        self._real = real
        self.get_providers = lambda: used
        self.get_inputs, self.get_outputs = real.get_inputs, real.get_outputs

    def io_binding(self):
        binding = self._real.io_binding()

        def on_the_host(bind):
            def bound(name, device, number, kind, shape, address):
                assert (device, number) == ("cuda", 0)
                bind(name, "cpu", 0, kind, shape, address)

            return bound

        return SimpleNamespace(
            real=binding, bind_input=on_the_host(binding.bind_input), bind_output=on_the_host(binding.bind_output)
        )

    def run_with_iobinding(self, binding, _options) -> None:
        self._real.run_with_iobinding(binding.real)
