"""Whether a bundle was made for a plant, and a plant for what is done with it; refused before the first period."""

from __future__ import annotations

import math

from sim.plants.plant import DivisiblePlant, Plant
from vgf_robot.bundle import Manifest
from vgf_robot.errors import PlantError


def require_fit(manifest: Manifest, plant: Plant) -> None:
    """Refuse a bundle whose vectors or control period are not the plant's.

    Args:
        manifest: What the bundle says of itself.
        plant: What it shall control.

    Raises:
        PlantError: Every difference, in one sentence.
    """
    differences: list[str] = []
    if manifest.observation_size != plant.observation_size:
        differences.append(
            f"observations of {manifest.observation_size} entries, the plant of {plant.observation_size}"
        )
    if manifest.action_size != plant.action_size:
        differences.append(f"actions of {manifest.action_size} entries, the plant of {plant.action_size}")
    # Another period is another task, whatever the vectors say; the tolerance covers 1/125 written in decimals.
    if not math.isclose(manifest.control_period_s, plant.control_period_s, rel_tol=1e-6):
        differences.append(f"a period of {manifest.control_period_s:g} s, the plant of {plant.control_period_s:g} s")
    if differences:
        raise PlantError(
            f"Bundle '{manifest.name}' does not fit '{plant.environment_id}': it has {'; and '.join(differences)}. "
            f"It was made for '{manifest.environment}'."
        )


def require_divisible(plant: Plant) -> DivisiblePlant:
    """Return the plant as one whose periods can be divided.

    Raises:
        PlantError: It simulates whole periods only.
    """
    if not all(hasattr(plant, name) for name in ("num_substeps", "apply_part", "physics")):
        raise PlantError(
            f"'{plant.environment_id}' simulates whole control periods only; a latency or a fault within a period "
            "needs a plant that can divide them."
        )
    return plant  # pyright: ignore[reportReturnType]
