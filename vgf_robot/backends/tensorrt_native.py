"""The graphs on an NVIDIA GPU through TensorRT: engines of the graphs' own types, each stage one CUDA graph."""

from __future__ import annotations

from typing import final

from vgf_robot.backends.bound import BoundGraphs, require_threads
from vgf_robot.backends.cache_folder import cache_folder
from vgf_robot.backends.cuda import open_gpu
from vgf_robot.backends.device_graphs import Addresses, Run, open_on_gpu
from vgf_robot.backends.engine_cache import EngineCache
from vgf_robot.backends.signature import variant_signatures
from vgf_robot.backends.tensorrt_engine import EngineLoader, bound_run, trt
from vgf_robot.bundle import Bundle, Variant


@final
class TensorRt:
    """A `Backend` with TensorRT alone: no ONNX Runtime, no package for CUDA."""

    def require(self) -> None:
        """Refuse a machine that cannot.

        Raises:
            MachineError: There is no GPU.
        """
        open_gpu()

    def __call__(self, bundle: Bundle, variant: Variant, *, threads: int = 1) -> BoundGraphs:
        """Build or load three engines and record each stage; see `Backend`. `threads` are those of the CPU: idle.

        Raises:
            BundleError: TensorRT's parser does not take a graph, or it is not that of the manifest.
            ConfigError: Less than one thread.
            MachineError: There is no GPU, or TensorRT fails on it.
        """
        require_threads(threads)
        gpu = open_gpu()
        gpu.make_current()
        expected = variant_signatures(bundle.manifest, variant)
        files = {"reference": variant.reference, "step": variant.step, "select": variant.select}
        loader = EngineLoader(gpu, EngineCache(cache_folder("tensorrt")))
        engines = {
            name: loader.load(bundle.folder / file, expected[name], variant.precision) for name, file in files.items()
        }

        def prepare(name: str, addresses: Addresses) -> Run:
            return bound_run(engines[name], addresses, gpu)

        facts = {"device": gpu.name, "library": f"TensorRT {trt.__version__}", "driver": gpu.driver}
        return open_on_gpu(gpu, expected, prepare, capture=True, facts=facts | loader.digests)


open_tensorrt = TensorRt()
