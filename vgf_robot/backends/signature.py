"""Names, shapes and types of the three graphs, as the manifest implies them."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]

INT64 = frozenset({"step_index", "index"})  # every other tensor is float32


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of one graph: shape by name."""

    inputs: dict[str, Shape]
    outputs: dict[str, Shape]


def dtype_of(tensor: str) -> str:
    """Return the type of a graph's input or output, `float32` or `int64`."""
    return "int64" if tensor in INT64 else "float32"


def signatures(num_particles: int, observation_size: int, action_size: int) -> dict[str, Signature]:
    """Return what the graphs `reference`, `step` and `select` must look like.

    Args:
        num_particles: N.
        observation_size: O.
        action_size: A.
    """
    observation, grid, column = (observation_size,), (num_particles, action_size), (num_particles,)
    return {
        "reference": Signature({"observation": observation, "noise": grid}, {"particles": grid}),
        "step": Signature(
            {
                "observation": observation,
                "particles": grid,
                "origin": grid,
                "first_moment": grid,
                "second_moment": grid,
                "step_index": (),
                "step_size": (),
                "max_distance": (),
            },
            {
                "moved": grid,
                "first_moment_out": grid,
                "second_moment_out": grid,
                "values": column,
                "displacement": column,
            },
        ),
        "select": Signature(
            {"observation": observation, "particles": grid, "selection_noise": column, "value_weight": ()},
            {"action": (action_size,), "index": (), "values": column, "spread": ()},
        ),
    }
