"""Names, shapes and types of the three graphs, as the manifest implies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vgf_robot.bundle import Manifest, Variant
from vgf_robot.errors import BundleError

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


def variant_signatures(manifest: Manifest, variant: Variant) -> dict[str, Signature]:
    """Return what the graphs `reference`, `step` and `select` of a bundle's variant must look like."""
    return signatures(
        variant.num_particles,
        manifest.observation_size,
        manifest.action_size,
        step_values=manifest.transport.step_values,
    )


def signatures(
    num_particles: int, observation_size: int, action_size: int, *, step_values: bool = True
) -> dict[str, Signature]:
    """Return what the graphs `reference`, `step` and `select` must look like.

    Args:
        num_particles: N.
        observation_size: O.
        action_size: A.
        step_values: Whether a step states the values of the particles that came in.
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
                **({"values": column} if step_values else {}),
                "displacement": column,
            },
        ),
        "select": Signature(
            {"observation": observation, "particles": grid, "selection_noise": column, "value_weight": ()},
            {"action": (action_size,), "index": (), "values": column, "spread": ()},
        ),
    }


def verify_tensors(
    path: Path, role: str, found: Mapping[str, tuple[Shape, str]], expected: Mapping[str, Shape]
) -> None:
    """Compare a graph's inputs or outputs with its signature.

    Args:
        path: The graph's file, for the error.
        role: `inputs` or `outputs`.
        found: Shape and type by name, as the graph says; -1 for an axis without a fixed length.
        expected: Shape by name.

    Raises:
        BundleError: The first tensor that differs.
    """
    wanted = {name: (shape, dtype_of(name)) for name, shape in expected.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise BundleError(
                f"{path}, {role}: expected {_words(name, wanted)}, found {_words(name, found)}; "
                f"export the bundle again so that its graphs match its manifest."
            )


def _words(name: str, tensors: Mapping[str, tuple[Shape, str]]) -> str:
    if name not in tensors:
        return f"no '{name}'"
    shape, dtype = tensors[name]
    return f"'{name}' {dtype} {shape}"
