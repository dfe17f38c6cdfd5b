"""Plants by name: environments of three packages, and robots of one's own by the file that describes them."""

from __future__ import annotations

import difflib
from pathlib import Path

from sim.plants.family import Family
from sim.plants.gymnasium_family import GYMNASIUM
from sim.plants.ogbench_family import OGBENCH
from sim.plants.plant import DivisiblePlant
from sim.plants.rendering import prepare
from sim.plants.robotics_family import ROBOTICS, announce
from sim.plants.xml_plant import XmlPlant
from sim.plants.xml_robot import is_robot_file, load_robot
from vgf_robot.errors import PlantError

_FAMILIES = (OGBENCH, GYMNASIUM, ROBOTICS)
# Of some 200.
_EXAMPLES = ("cube-single-singletask-v0", "pointmaze-medium-singletask-task1-v0", "Hopper-v5", "AntMaze_UMaze-v5")


def open_plant(environment_id: str, *, render: bool = False) -> DivisiblePlant:
    """Return a plant, not yet reset.

    Args:
        environment_id: Such as `cube-single-singletask-v0`, `Hopper-v5`, or the path of a robot's YAML file.
        render: Whether `Plant.render` shall return frames.

    Raises:
        PlantError: There is no such environment, or it is none that a bundle can be evaluated in.
        ConfigError: The robot's file does not say what it should.
    """
    can_render = prepare(render)
    if is_robot_file(environment_id):
        return XmlPlant(environment_id, load_robot(Path(environment_id)), render=can_render)
    return _family(environment_id).open(environment_id, can_render)


def known_plants() -> tuple[str, ...]:
    """Return the names that `open_plant` accepts beside files, sorted."""
    return tuple(sorted(_families()))


def knows_success(environment_id: str) -> bool:
    """Return whether a plant says when its task is solved; Gymnasium's environments know returns only.

    Raises:
        PlantError: There is no such environment.
        ConfigError: The robot's file does not say what it should.
    """
    if is_robot_file(environment_id):
        return load_robot(Path(environment_id)).goal is not None
    return _family(environment_id).knows_success


def _family(environment_id: str) -> Family:
    families = _families()
    if environment_id not in families:
        raise PlantError(_why_not(environment_id, tuple(sorted(families))))
    return families[environment_id]


def _families() -> dict[str, Family]:
    """Return the family of every environment that a bundle can be evaluated in."""
    prepare(render=False)
    import gymnasium
    import ogbench  # noqa: F401  # pyright: ignore[reportUnusedImport]  # registers its environments

    announce()
    found = ((name, str(spec.entry_point)) for name, spec in dict(gymnasium.registry).items())
    owned = ((name, [family for family in _FAMILIES if family.owns(name, home)]) for name, home in found)
    return {name: families[0] for name, families in owned if families}


def _why_not(environment_id: str, known: tuple[str, ...]) -> str:
    if environment_id.startswith("visual-"):
        return f"'{environment_id}' observes images, expected a task of state vectors such as '{environment_id[7:]}'."
    single = environment_id.removesuffix("-v0") + "-singletask-v0"
    if single in known:
        return f"'{environment_id}' has no task of its own; take '{single}' or one of its -task1- to -task5-."
    if near := difflib.get_close_matches(environment_id, known, n=1):
        return f"'{environment_id}' is no plant; did you mean '{near[0]}'?"
    return f"'{environment_id}' is no plant; expected one such as {', '.join(_EXAMPLES)}."
