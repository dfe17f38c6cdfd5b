"""The three graphs on a GPU: one copy in, the graph, one copy out, and particles that stay there between steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from vgf_robot.backends.bound import STATE, BoundGraphs, Buffers
from vgf_robot.backends.cuda import Gpu
from vgf_robot.backends.device_blocks import Block
from vgf_robot.backends.signature import Signature

Addresses = dict[str, int]
Run = Callable[[], object]
Prepare = Callable[[str, Addresses], Run]
"""Takes a graph's name and its tensors' addresses, and returns what queues one run of it on the GPU's stream."""

RESULTS = ("displacement", "values")  # where a step states values
FRESH = ("origin", "observation", "step_index", "step_size", "max_distance")


def open_on_gpu(
    gpu: Gpu, expected: Mapping[str, Signature], prepare: Prepare, *, capture: bool, facts: Mapping[str, str]
) -> BoundGraphs:
    """Bind the three graphs to memory of the GPU.

    The blocks of the step's two turns hold, in this order, the other turn's results, the state and what is fresh in
    every step: `displacement, values, particles, moments | origin, observation, scalars`. So each turn writes results
    and new state of the other block in one piece, and reads its own: one copy out and one copy in, and of the state
    none in where the step before has left it there.

    Args:
        gpu: The GPU.
        expected: Signatures of `reference`, `step` and `select`.
        prepare: Loads a graph onto the GPU; called twice for `step`.
        capture: Record copies and graph as one CUDA graph; not where a graph does so by itself.
        facts: See `BoundGraphs`.
    """
    blocks = iter(_step_blocks(gpu, expected["step"]))
    own, other = next(blocks), next(blocks)
    turns = [(own, other), (other, own)]

    def bind(name: str, inputs: Buffers, outputs: Buffers) -> DeviceGraph:
        if name == "step":
            source, target = turns.pop(0)
            return _bind_step(gpu, prepare, source, target, expected["step"], capture)
        return _bind_once(gpu, prepare, name, expected[name], capture)

    return BoundGraphs(expected, bind, facts)


@final
class DeviceGraph:
    """A graph between a copy in and a copy out; a `Bound`.

    Args:
        gpu: The GPU.
        inputs: Arrays on the host.
        outputs: Likewise.
        whole: Queues the copy of all inputs, the graph and the copy of its outputs.
        chained: Likewise, without the copy of the state.
        capture: Record each as a CUDA graph.
    """

    def __init__(
        self, gpu: Gpu, inputs: Buffers, outputs: Buffers, whole: Run, chained: Run | None, *, capture: bool
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._gpu = gpu
        self._kept = (whole, chained)  # and with them the memory that a recorded graph refers to
        whole()  # once without recording: libraries set themselves up in their first run
        gpu.synchronize()
        self._whole: Run = gpu.capture(whole) if capture else whole
        self._chained: Run = self._whole if chained is None else gpu.capture(chained) if capture else chained

    def run(self, chained: bool = False) -> None:
        """Run the graph once and wait for it; results are in `outputs`.

        Args:
            chained: Particles and moments are where the step before has written them.
        """
        self._gpu.make_current()
        (self._chained if chained else self._whole)()
        self._gpu.synchronize()


def _bind_once(gpu: Gpu, prepare: Prepare, name: str, signature: Signature, capture: bool) -> DeviceGraph:
    source, target = Block(gpu, signature.inputs), Block(gpu, signature.outputs)
    run = prepare(name, _addresses(source, signature.inputs) | _addresses(target, signature.outputs))

    def whole() -> None:
        source.copy_in(list(signature.inputs))
        run()
        target.copy_out(list(signature.outputs))

    return DeviceGraph(gpu, source.arrays, target.arrays, whole, None, capture=capture)


def _bind_step(
    gpu: Gpu, prepare: Prepare, source: Block, target: Block, signature: Signature, capture: bool
) -> DeviceGraph:
    results = _results(signature)
    inputs = {name: source.arrays[name] for name in signature.inputs}
    outputs = {name: target.arrays[name] for name in results}
    outputs |= {moved: target.arrays[name] for name, moved in STATE.items()}
    addresses = {name: source.address(name) for name in signature.inputs}
    addresses |= {name: target.address(name) for name in results}
    addresses |= {moved: target.address(name) for name, moved in STATE.items()}
    run = prepare("step", addresses)

    def whole() -> None:
        source.copy_in((*STATE, *FRESH))
        run()
        target.copy_out((*results, *STATE))

    def chained() -> None:
        source.copy_in(FRESH)
        run()
        target.copy_out((*results, *STATE))

    return DeviceGraph(gpu, inputs, outputs, whole, chained, capture=capture)


def _step_blocks(gpu: Gpu, signature: Signature) -> list[Block]:
    shapes = {name: signature.outputs[name] for name in _results(signature)}
    shapes |= {name: signature.inputs[name] for name in (*STATE, *FRESH)}
    return [Block(gpu, shapes), Block(gpu, shapes)]


def _results(signature: Signature) -> tuple[str, ...]:
    return tuple(name for name in RESULTS if name in signature.outputs)


def _addresses(block: Block, names: Mapping[str, object]) -> Addresses:
    return {name: block.address(name) for name in names}
