"""A family of plants: the environments of one package, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.plants.engine import mujoco
from sim.plants.plant import DivisiblePlant
from sim.plants.scratch import forgotten_files_removed
from sim.plants.spaces import quiet_spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the catalogue knows of a package.

    Attributes:
        owns: Whether an environment, by its name and its entry point in Gymnasium's registry, is one of it that a
            bundle can be evaluated in.
        open: Opens one by its name; with frames or without.
        knows_success: Whether its tasks say when they are solved.
    """

    owns: Callable[[str, str], bool]
    open: Callable[[str, bool], DivisiblePlant]
    knows_success: bool


def make(environment_id: str, settings: Mapping[str, Any]) -> Any:
    """Return an environment without Gymnasium's checker, which would repeat every step's checks.

    Args:
        environment_id: Its name.
        settings: What its constructor takes.
    """
    import gymnasium

    before = mujoco().get_mju_user_warning()
    # MuJoCo would write that Gymnasium's half cheetah uses an old attribute, on standard error and into a file.
    mujoco().set_mju_user_warning(_ignore)
    try:
        with quiet_spaces(), forgotten_files_removed():
            return gymnasium.make(environment_id, disable_env_checker=True, **settings)
    finally:
        mujoco().set_mju_user_warning(before)


def _ignore(_: str) -> None:
    pass
