"""The three graphs as torch modules on a GPU, each stage a CUDA graph: the reference for the other backends there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from vgf_robot.backends import BoundGraphs, Signature, dtype_of, open_gpu, open_on_gpu

WARM_UPS = 3  # before a recording: torch's libraries set themselves up in their first runs
TYPES = {"float32": "<f4", "int64": "<i8"}


@dataclass(frozen=True, slots=True)
class _Memory:
    """Memory of the GPU as `torch.as_tensor` takes it in without a copy."""

    address: int
    shape: tuple[int, ...]
    kind: str

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "typestr": TYPES[self.kind], "data": (self.address, False), "version": 3}


def open_torch_on_gpu(
    modules: Mapping[str, nn.Module],
    expected: Mapping[str, Signature],
    *,
    record: bool = True,
    compiled: bool = False,
    on_recorded: Callable[[str, torch.cuda.CUDAGraph], object] = lambda _name, _graph: None,
) -> BoundGraphs:
    """Bind the modules to memory of the GPU.

    Args:
        modules: `reference`, `step` and `select`, from `export.graphs`; moved to the GPU.
        expected: Their signatures.
        record: Record each as a CUDA graph; without, torch launches its kernels one by one.
        compiled: Have torch compile what it traces of a module.
        on_recorded: Called with a stage's name and its recorded graph.
    """
    gpu = open_gpu()
    stream = torch.cuda.ExternalStream(gpu.stream)

    def prepare(name: str, addresses: Mapping[str, int]) -> Callable[[], object]:
        signature = expected[name]
        module = modules[name].cuda().eval().requires_grad_(False)
        shapes = {**signature.inputs, **signature.outputs}
        tensors = {
            each: torch.as_tensor(_Memory(addresses[each], shape, dtype_of(each)), device="cuda")
            for each, shape in shapes.items()
        }
        inputs, outputs = ([tensors[each] for each in names] for names in (signature.inputs, signature.outputs))
        function: Callable[..., tuple[Tensor, ...]] = module
        if compiled:
            function = torch.compile(make_fx(module)(*inputs), dynamic=False)

        @torch.no_grad()
        def run() -> None:
            with torch.cuda.stream(stream):
                for target, found in zip(outputs, function(*inputs), strict=True):
                    target.copy_(found)

        return _recorded(name, run, stream, on_recorded) if record else run

    facts = {"device": gpu.name, "library": f"torch {torch.__version__}", "driver": gpu.driver}
    return open_on_gpu(gpu, expected, prepare, capture=False, facts=facts)


def _recorded(
    name: str,
    run: Callable[[], None],
    stream: torch.cuda.ExternalStream,
    on_recorded: Callable[[str, torch.cuda.CUDAGraph], object],
) -> Callable[[], None]:
    for _ in range(WARM_UPS):
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph(keep_graph=True)
    with torch.cuda.graph(graph, stream=stream):
        run()
    graph.instantiate()
    on_recorded(name, graph)

    def replay() -> None:
        with torch.cuda.stream(stream):
            graph.replay()

    return replay
