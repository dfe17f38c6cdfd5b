"""Plants by name: OGBench's single tasks and Gymnasium's MuJoCo environments."""

from __future__ import annotations

import difflib
from typing import Any

from sim.plants.environment import EnvironmentPlant, Info
from sim.plants.plant import Plant
from sim.plants.rendering import prepare
from sim.plants.spaces import quiet_spaces
from vgf_robot.errors import PlantError, suggestion

FRAME_WIDTH, FRAME_HEIGHT = 320, 240
_GYMNASIUM_HOME = "gymnasium.envs.mujoco."
_OGBENCH_HOME = "ogbench."
_EXAMPLES = ("cube-single-singletask-v0", "pointmaze-medium-singletask-task1-v0", "Hopper-v5")  # of some 150


def open_plant(environment_id: str, *, render: bool = False) -> Plant:
    """Return a plant, not yet reset.

    Args:
        environment_id: Such as `cube-single-singletask-v0` or `Hopper-v5`.
        render: Whether `Plant.render` shall return frames.

    Raises:
        PlantError: There is no such environment, or it is none that a bundle can be evaluated in.
    """
    can_render = prepare(render)
    _require_known(environment_id)
    if _is_ogbench(environment_id):
        return _open_ogbench(environment_id, can_render)
    return _open_gymnasium(environment_id, can_render)


def known_plants() -> tuple[str, ...]:
    """Return the names that `open_plant` accepts, sorted."""
    prepare(render=False)
    return tuple(sorted(name for name in _registry() if _is_ogbench(name) or _is_gymnasium(name)))


def knows_success(environment_id: str) -> bool:
    """Return whether a plant says when its task is solved; Gymnasium's environments know returns only.

    Raises:
        PlantError: There is no such environment.
    """
    _require_known(environment_id)
    return _is_ogbench(environment_id)


def _open_ogbench(environment_id: str, render: bool) -> Plant:
    """Open a single task of OGBench.

    A task ends where it is solved, so "solved at any step" and OGBench's "solved at the last step" are the same. The
    arms (cube, scene, puzzle) look at success before they move: it shows one period later, and what the last period
    of the time limit brought does not count.
    """
    # OGBench's environments draw on demand whatever their render mode is, which Gymnasium would only warn about.
    environment = _make(environment_id, width=FRAME_WIDTH, height=FRAME_HEIGHT)
    draw = environment.unwrapped.render if render else None
    return EnvironmentPlant(
        environment_id,
        environment,
        read_success=_ogbench_success,
        draw=draw,
        steps_draw_globally="-teleport-" in environment_id,
    )


def _open_gymnasium(environment_id: str, render: bool) -> Plant:
    """Open a MuJoCo environment of Gymnasium, which knows returns only."""
    mode: dict[str, Any] = {"render_mode": "rgb_array", "width": FRAME_WIDTH, "height": FRAME_HEIGHT} if render else {}
    environment = _make(environment_id, **mode)
    draw = environment.render if render else None
    return EnvironmentPlant(environment_id, environment, read_success=_no_success, draw=draw)


def _make(environment_id: str, **settings: Any) -> Any:
    import gymnasium

    with quiet_spaces():  # the checker would repeat every step's checks; `EnvironmentPlant` makes those that matter
        return gymnasium.make(environment_id, disable_env_checker=True, **settings)


def _registry() -> dict[str, Any]:
    import gymnasium
    import ogbench  # noqa: F401  # pyright: ignore[reportUnusedImport]  # registers its environments

    return dict(gymnasium.registry)


def _is_ogbench(name: str) -> bool:
    home = str(_registry()[name].entry_point)
    return home.startswith(_OGBENCH_HOME) and "-singletask-" in name and not name.startswith("visual-")


def _is_gymnasium(name: str) -> bool:
    # Versions below 5 are kept by Gymnasium for old results and warn at every start.
    return str(_registry()[name].entry_point).startswith(_GYMNASIUM_HOME) and name.endswith("-v5")


def _require_known(environment_id: str) -> None:
    if environment_id not in (known := known_plants()):
        raise PlantError(_why_not(environment_id, known))


def _why_not(environment_id: str, known: tuple[str, ...]) -> str:
    if environment_id.startswith("visual-"):
        return f"'{environment_id}' observes images, expected a task of state vectors such as '{environment_id[7:]}'."
    single = environment_id.removesuffix("-v0") + "-singletask-v0"
    if single in known:
        return f"'{environment_id}' has no task of its own; take '{single}' or one of its -task1- to -task5-."
    near = difflib.get_close_matches(environment_id, known, n=1)
    return f"'{environment_id}' is no plant; {suggestion(environment_id, near or _EXAMPLES)}"


def _ogbench_success(info: Info) -> bool:
    return bool(info["success"])


def _no_success(_: Info) -> None:
    return None
