"""One update of a run; on a GPU it becomes a CUDA graph, replayed with one launch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Metrics = dict[str, Tensor]
WARM_UP_UPDATES = 3


class UpdateGraph:
    """Runs an update as it is on a CPU; on a GPU eagerly a few times, then as a captured graph.

    An update launches some hundred small kernels, and launching them takes a GPU longer than running them. A captured
    update reads and writes the tensors that it was captured with, so parameters, optimiser state and dataset have to
    stay where they are: restore a checkpoint before the first update.

    Args:
        update: Takes one update and returns its metrics; on a GPU it must not wait for the device, nor copy from the
            host.
        generator: All its random numbers come from this generator; its device decides.
    """

    def __init__(self, update: Callable[[], Metrics], generator: torch.Generator) -> None:
        self._update = update
        self._generator = generator
        self._on_gpu = generator.device.type == "cuda"
        self._warm_ups_left = WARM_UP_UPDATES
        self._graph: torch.cuda.CUDAGraph | None = None
        self._metrics: Metrics = {}

    def __call__(self) -> Metrics:
        """Take one update; on a GPU the next call overwrites the metrics that this one returns."""
        if not self._on_gpu:
            return self._update()
        if self._warm_ups_left > 0:
            self._warm_ups_left -= 1
            return self._warm_up()
        if self._graph is None:
            self._graph = self._captured()  # records the work without doing it
        self._graph.replay()
        return self._metrics

    def _warm_up(self) -> Metrics:
        """Update on a stream of its own: what libraries set up at first use must not end up in the graph."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            metrics = self._update()
        torch.cuda.current_stream().wait_stream(stream)
        return metrics

    def _captured(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._generator)
        with torch.cuda.graph(graph):
            self._metrics = self._update()
        return graph
