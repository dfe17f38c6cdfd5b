"""OGBench's environments, made without a renderer."""

from __future__ import annotations

import os
from typing import Any

from sim.plants.scratch import forgotten_files_removed


def make_environment(environment_id: str, **settings: Any) -> Any:
    """Return OGBench's environment itself, without Gymnasium's wrappers (time limit, checks).

    Args:
        environment_id: A Gymnasium id, such as `cube-single-v0`.
        **settings: What the environment's constructor takes.
    """
    os.environ.setdefault("MUJOCO_GL", "disable")  # nothing here renders, and looking for a display can hang
    import gymnasium
    import ogbench  # noqa: F401  # registers the environments

    with forgotten_files_removed():
        return gymnasium.make(environment_id, disable_env_checker=True, **settings).unwrapped
