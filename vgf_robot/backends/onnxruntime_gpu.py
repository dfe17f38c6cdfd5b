"""The graphs on an NVIDIA GPU through ONNX Runtime: its own kernels, or engines that its TensorRT provider builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from vgf_robot.backends.bound import BoundGraphs, require_threads
from vgf_robot.backends.cache_folder import cache_folder
from vgf_robot.backends.cuda import Gpu, open_gpu
from vgf_robot.backends.device_graphs import Addresses, Run, open_on_gpu
from vgf_robot.backends.onnxruntime_session import require_signature
from vgf_robot.backends.self_contained import self_contained
from vgf_robot.backends.signature import Signature, dtype_of, variant_signatures
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.errors import BundleError, MachineError

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
NEEDS = {CUDA: "CUDA and cuDNN", TENSORRT: "CUDA, cuDNN and TensorRT"}
INSTALL = "`pip uninstall -y onnxruntime` and `pip install 'vgf-robot[gpu]'` (on a Jetson see docs/jetson.md)"
LOW_PRECISION_FLAGS = {"float16": "trt_fp16_enable", "bfloat16": "trt_bf16_enable"}


@final
class OnnxRuntimeGpu:
    """A `Backend` with one of ONNX Runtime's GPU providers.

    Each graph is a session bound to memory of the GPU, on the stream of the copies, and captured by ONNX Runtime as a
    CUDA graph in its first runs. The step has one session per turn: a captured graph holds its addresses.

    Args:
        provider: Its execution provider.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider

    def require(self) -> None:
        """Refuse a machine that cannot.

        Raises:
            MachineError: This build of ONNX Runtime lacks the provider, or there is no GPU.
        """
        ort: Any = onnxruntime
        if self._provider not in ort.get_available_providers():
            found = ", ".join(ort.get_available_providers())
            raise MachineError(
                f"This backend needs a build of ONNX Runtime with {self._provider}, found {ort.__version__} with "
                f"{found}; run {INSTALL}."
            )
        open_gpu()

    def __call__(self, bundle: Bundle, variant: Variant, *, threads: int = 1) -> BoundGraphs:
        """Open the sessions and let them capture themselves; see `Backend`. `threads` are those of the CPU: idle.

        Raises:
            BundleError: A graph cannot be read, or its inputs and outputs are not those of the manifest.
            ConfigError: Less than one thread.
            MachineError: The provider does not load, or leaves a part of a graph to the CPU.
        """
        require_threads(threads)
        ort: Any = onnxruntime
        if hasattr(ort, "preload_dlls"):
            ort.preload_dlls()  # CUDA and cuDNN where pip has put them
        gpu = open_gpu()
        expected = variant_signatures(bundle.manifest, variant)
        files = {"reference": variant.reference, "step": variant.step, "select": variant.select}

        def prepare(name: str, addresses: Addresses) -> Run:
            path = bundle.folder / files[name]
            session = self._open_session(path, expected[name], variant.precision, gpu)
            return _bound_run(session, expected[name], addresses)

        facts = {"device": gpu.name, "library": f"ONNX Runtime {ort.__version__}", "driver": gpu.driver}
        return open_on_gpu(gpu, expected, prepare, capture=False, facts=facts)

    def _open_session(self, path: Path, signature: Signature, precision: str, gpu: Gpu) -> Any:
        ort: Any = onnxruntime
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # Nothing may run on the CPU unseen: a copy in the middle of a graph costs more than the graph.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        # TensorRT's parser takes no graph with the second and third output of LayerNormalization: written out for it.
        source = str(path) if self._provider == CUDA else self_contained(path)
        providers = self._providers(precision, gpu)
        try:
            session = ort.InferenceSession(source, options, providers=providers, enable_fallback=0)
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            reason = " ".join(str(error).split())
            if not self._loads(source, providers):
                raise MachineError(
                    f"{self._provider} is built into ONNX Runtime {ort.__version__} and does not load: the libraries "
                    f"of {NEEDS[self._provider]} are not found, or of another version; see its lines on standard "
                    "error, and docs/backends.md for the versions."
                ) from error
            raise BundleError(
                f"{path}: expected a graph that ONNX Runtime {ort.__version__} runs wholly with {self._provider}, "
                f"found: {reason}; choose another backend, such as onnxruntime-cpu, or update it."
            ) from error
        require_signature(path, session, signature)
        return session

    def _loads(self, source: str | bytes, providers: list[Any]) -> bool:
        """Return whether the provider itself is in order; asked in this way, a session only leaves it out."""
        ort: Any = onnxruntime
        try:
            return self._provider in ort.InferenceSession(source, providers=providers).get_providers()
        except Exception:  # whatever it is: with the provider no graph is opened
            return False

    def _providers(self, precision: str, gpu: Gpu) -> list[Any]:
        stream = {"device_id": "0", "user_compute_stream": str(gpu.stream)}
        # TF32 keeps 10 bits of float32's 23.
        cuda = (CUDA, {**stream, "enable_cuda_graph": "1", "use_tf32": "0"})
        if self._provider == CUDA:
            return [cuda]
        folder = str(cache_folder("onnxruntime-tensorrt"))
        tensorrt = {
            **stream,
            "trt_cuda_graph_enable": "True",
            "trt_engine_cache_enable": "True",
            "trt_engine_cache_path": folder,
            "trt_timing_cache_enable": "True",
            "trt_timing_cache_path": folder,
        }
        if flag := LOW_PRECISION_FLAGS.get(precision):
            tensorrt[flag] = "True"
        return [(TENSORRT, tensorrt)]


def _bound_run(session: Any, signature: Signature, addresses: Addresses) -> Run:
    """Return what queues a run of the session on its stream, from and to fixed addresses."""
    ort: Any = onnxruntime
    binding, options = session.io_binding(), ort.RunOptions()
    options.add_run_config_entry("disable_synchronize_execution_providers", "1")  # the copy out after it is waited for
    for name, shape in signature.inputs.items():
        binding.bind_input(name, "cuda", 0, np.dtype(dtype_of(name)).type, list(shape), addresses[name])
    for name, shape in signature.outputs.items():
        binding.bind_output(name, "cuda", 0, np.dtype(dtype_of(name)).type, list(shape), addresses[name])
    return lambda: session.run_with_iobinding(binding, options)


open_onnxruntime_cuda = OnnxRuntimeGpu(CUDA)
open_onnxruntime_tensorrt = OnnxRuntimeGpu(TENSORRT)
