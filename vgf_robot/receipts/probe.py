"""Steps along the value gradient alone, out of what a sealed bundle holds."""

from __future__ import annotations

from typing import final

import numpy as np

from vgf_robot.backends import Backend, Floats, Graphs, StepResult
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.receipts.check import Probe

WITHOUT_KERNEL = ("independent", "amortised")


def open_probe(backend: Backend, bundle: Bundle, variant: Variant, graphs: Graphs, threads: int) -> Probe:
    """Return what steps along the value gradient of a variant's critic.

    Where a kernel holds particles together, a particle alone still goes straight up: the bundle's variant of one
    particle serves. In a bundle without one, it is the step itself whose direction is compared.

    Args:
        backend: Opens the variant of one particle.
        bundle: The bundle.
        variant: What is to be compared.
        graphs: Its graphs.
        threads: Threads of the backend.
    """
    if variant.num_particles == 1 or bundle.manifest.transport.form in WITHOUT_KERNEL:
        return graphs
    wanted = (1, variant.reference_steps, variant.precision)
    for each in bundle.manifest.variants:
        if (each.num_particles, each.reference_steps, each.precision) == wanted:
            return _OneByOne(backend(bundle, each, threads=threads))
    return graphs


@final
class _OneByOne:
    """Graphs of one particle, asked for each particle in turn."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs

    def step(
        self,
        observation: Floats,
        particles: Floats,
        origin: Floats,
        first_moment: Floats,
        second_moment: Floats,
        step_index: int,
        step_size: float,
        max_distance: float,
    ) -> StepResult:
        """Move each particle as if it were the only one."""
        arrays = (particles, origin, first_moment, second_moment)
        rows: list[tuple[Floats, ...]] = []
        for index in range(len(particles)):
            particle, start, first, second = (np.ascontiguousarray(array[index : index + 1]) for array in arrays)
            one = self._graphs.step(observation, particle, start, first, second, step_index, step_size, max_distance)
            outputs = (one.moved, one.first_moment, one.second_moment, one.displacement)
            rows.append(tuple(output.copy() for output in outputs))
        moved, first, second, displacement = (np.concatenate(column) for column in zip(*rows, strict=True))
        return StepResult(moved, first, second, None, displacement)
