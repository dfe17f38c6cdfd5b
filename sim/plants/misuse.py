"""What every plant refuses to be told, whatever its simulator would make of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vgf_robot.errors import PlantError


def require_sense(
    environment_id: str, action: NDArray[np.float32] | None, action_size: int, *, under_way: bool
) -> None:
    """Refuse an action that cannot be simulated.

    Args:
        environment_id: The plant's name.
        action: What was given; None for no new one.
        action_size: Number of entries A that the plant takes.
        under_way: Whether there is an episode.

    Raises:
        PlantError: There is no episode under way, or the action has another shape or is not finite.
    """
    if not under_way:
        raise PlantError(f"'{environment_id}' has no episode under way; call reset(seed) first.")
    if action is not None and (action.shape != (action_size,) or not np.isfinite(action).all()):
        raise PlantError(
            f"'{environment_id}' takes {action_size} finite action entries, found shape {action.shape} with "
            f"{np.count_nonzero(~np.isfinite(action))} that are not finite."
        )


def require_part(environment_id: str, num_substeps: int, left: int) -> None:
    """Refuse a part that is longer than what is left of its control period.

    Raises:
        PlantError: It is, or it is negative.
    """
    if not 0 <= num_substeps <= left:
        raise PlantError(
            f"'{environment_id}': expected a part of 0 to {left} physics steps, which the period has left, found "
            f"{num_substeps}."
        )
