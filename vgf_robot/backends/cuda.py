"""One NVIDIA GPU through the driver's own library: memory, copies, streams, and graphs of what was put on them.

By ctypes and not through a package: libcuda.so.1 is there wherever the driver is, of whatever CUDA version, on a Jetson
as on a server, and its primary context is the one that ONNX Runtime and TensorRT use.

Source: CUDA driver API, https://docs.nvidia.com/cuda/cuda-driver-api.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.errors import MachineError

LIBRARY = "libcuda.so.1"
NAME_BYTES = 256
COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76  # CUdevice_attribute
NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: other streams of the process do not wait for this one
THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: what other threads do is no part of a capture
# Where the driver of a graphics card says its version, and where a Jetson does.
VERSION_FILES = (Path("/proc/driver/nvidia/version"), Path("/etc/nv_tegra_release"))


def open_gpu() -> Gpu:
    """Return the first GPU of this machine, with a stream of its own; CUDA_VISIBLE_DEVICES says which GPU that is.

    Raises:
        MachineError: There is no driver, or no GPU.
    """
    return Gpu(load_library())


def load_library() -> Any:
    """Load the driver's library.

    Raises:
        MachineError: It is not there.
    """
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise MachineError(
            f"This backend needs an NVIDIA GPU and its driver, and {LIBRARY} does not load ({error}); run "
            "`nvidia-smi` to see what is there, or choose another backend, such as onnxruntime-cpu."
        ) from error


@final
class Gpu:
    """The primary context of one GPU, and a stream on it for one thread at a time.

    Whatever is opened has its own, so that a bundle can be loaded in one thread, and its graphs be recorded, while
    those of another run in a second thread. The stream is destroyed with this object.

    Args:
        library: The driver's library, or what stands for it.

    Attributes:
        name: The GPU's, as its maker calls it.
        compute_capability: Such as 8.7.
        driver: The driver's version, as it says it.
        stream: The stream's handle.

    Raises:
        MachineError: The driver finds no GPU, or refuses.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self.call("cuInit", ctypes.c_uint(0))
        device = ctypes.c_int()
        self.call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0))
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self._context = context
        self.name = self._device_name(device)
        major, minor = (self._attribute(each, device) for each in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR))
        self.compute_capability = f"{major}.{minor}"
        version = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(version))
        self.driver = _driver_version() or f"CUDA {version.value // 1000}.{version.value % 1000 // 10}"
        self.make_current()
        stream = ctypes.c_void_p()
        self.call("cuStreamCreate", ctypes.byref(stream), ctypes.c_uint(NON_BLOCKING))
        self._stream = stream
        self.stream = int(stream.value or 0)

    def make_current(self) -> None:
        """Let the calling thread use the GPU: a context belongs to a thread, and graphs may run in another one.

        Recordings of other threads are then no business of its own: ONNX Runtime makes them in a mode in which the
        driver would refuse what every thread does meanwhile.
        """
        self.call("cuCtxSetCurrent", self._context)
        self.call("cuThreadExchangeStreamCaptureMode", ctypes.byref(ctypes.c_int(THREAD_LOCAL)))

    def allocate(self, num_bytes: int) -> DeviceMemory:
        """Return memory of the GPU; what is in it is anybody's guess."""
        return DeviceMemory(self, num_bytes)

    def allocate_host(self, num_bytes: int) -> NDArray[np.uint8]:
        """Return memory of the host that the GPU copies from and to by itself, zeroed; freed with its last array."""
        pointer = ctypes.c_void_p()
        self.call("cuMemAllocHost_v2", ctypes.byref(pointer), ctypes.c_size_t(num_bytes))
        buffer: Any = (ctypes.c_uint8 * num_bytes).from_address(int(pointer.value or 0))
        weakref.finalize(buffer, self._free_host, pointer).atexit = False
        array: NDArray[np.uint8] = np.frombuffer(buffer, np.uint8)
        array[...] = 0
        return array

    def copy_in(self, target: int, source: NDArray[Any]) -> None:
        """Queue a copy to the GPU.

        Args:
            target: Address on the GPU.
            source: Contiguous, from `allocate_host`.
        """
        self.call(
            "cuMemcpyHtoDAsync_v2",
            ctypes.c_uint64(target),
            ctypes.c_void_p(source.ctypes.data),
            ctypes.c_size_t(source.nbytes),
            self._stream,
        )

    def copy_out(self, target: NDArray[Any], source: int) -> None:
        """Queue a copy from the GPU; see `copy_in`."""
        self.call(
            "cuMemcpyDtoHAsync_v2",
            ctypes.c_void_p(target.ctypes.data),
            ctypes.c_uint64(source),
            ctypes.c_size_t(target.nbytes),
            self._stream,
        )

    def synchronize(self) -> None:
        """Wait until everything that was queued is done."""
        self.call("cuStreamSynchronize", self._stream)

    def capture(self, enqueue: Callable[[], object]) -> RecordedGraph:
        """Record what a function queues, without running it, and return what queues all of it in one call.

        Args:
            enqueue: Queues on `stream` and waits for nothing; it has run before, so that nothing is set up in it.
        """
        graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuStreamBeginCapture_v2", self._stream, ctypes.c_int(THREAD_LOCAL))
        try:
            enqueue()
        finally:
            self.call("cuStreamEndCapture", self._stream, ctypes.byref(graph))
        self.call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_uint64(0))
        self.call("cuGraphDestroy", graph)
        return RecordedGraph(self, executable, self._stream)

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function of the driver.

        Raises:
            MachineError: It did not succeed.
        """
        if code := getattr(self._library, function)(*arguments):
            raise MachineError(f"The GPU's driver refused {function}: {self._error(code)}; see `dmesg` for its reason.")

    def __del__(self) -> None:
        if hasattr(self, "_stream"):
            self.make_current()
            self.call("cuStreamDestroy_v2", self._stream)

    def _free_host(self, pointer: ctypes.c_void_p) -> None:
        self.make_current()
        self.call("cuMemFreeHost", pointer)

    def _error(self, code: int) -> str:
        text = ctypes.c_char_p()
        self._library.cuGetErrorString(ctypes.c_int(code), ctypes.byref(text))
        return f"error {code}{'' if text.value is None else f' ({text.value.decode()})'}"

    def _device_name(self, device: ctypes.c_int) -> str:
        buffer = ctypes.create_string_buffer(NAME_BYTES)
        self.call("cuDeviceGetName", buffer, ctypes.c_int(NAME_BYTES), device)
        return buffer.value.decode()

    def _attribute(self, attribute: int, device: ctypes.c_int) -> int:
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(attribute), device)
        return value.value


def _driver_version() -> str | None:
    for path in VERSION_FILES:
        try:
            return path.read_text().splitlines()[0].strip()
        except (OSError, IndexError):
            continue
    return None


@final
class RecordedGraph:
    """What was recorded; destroyed with this object."""

    def __init__(self, gpu: Gpu, executable: ctypes.c_void_p, stream: ctypes.c_void_p) -> None:
        self._gpu = gpu
        self._executable = executable
        self._stream = stream

    def __call__(self) -> None:
        """Queue all of it on its stream."""
        self._gpu.call("cuGraphLaunch", self._executable, self._stream)

    def __del__(self) -> None:
        self._gpu.make_current()
        self._gpu.call("cuGraphExecDestroy", self._executable)


@final
class DeviceMemory:
    """Memory of the GPU, freed with this object.

    Attributes:
        address: Its first byte, as the GPU sees it.
    """

    def __init__(self, gpu: Gpu, num_bytes: int) -> None:
        self._gpu = gpu
        gpu.make_current()
        pointer = ctypes.c_uint64()
        gpu.call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(num_bytes))
        self.address = int(pointer.value)

    def __del__(self) -> None:
        if hasattr(self, "address"):
            self._gpu.make_current()
            self._gpu.call("cuMemFree_v2", ctypes.c_uint64(self.address))
