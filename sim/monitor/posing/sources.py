"""Robots of one's own: their file says what each entry of an observation is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np

from sim.monitor.posing.pose import Floats
from sim.plants.names import Names
from sim.plants.xml_robot import Source, load_robot

Write = Callable[[Any, Floats], None]


@final
class SourcesPose:
    """A robot of one's own: joints and sites of the world, as its file names them.

    Args:
        path: The robot's YAML file.
        model: The `mujoco.MjModel`.
    """

    def __init__(self, path: str, model: Any) -> None:
        names = Names(model, f"'{path}'")
        self._writers: list[tuple[slice, Write]] = []
        entry, posed = 0, 0
        for source in load_robot(Path(path)).observation:
            for size, write in _writers(source, names, model):
                if write is not None:
                    self._writers.append((slice(entry, entry + size), write))
                    posed += size if source.kind == "joint_positions" else 0
                entry += size
        written = [np.arange(entries.start, entries.stop) for entries, _ in self._writers]
        # A target alone poses no robot.
        self.entries = np.concatenate(written) if posed else np.empty(0, np.intp)
        self.note = "" if posed == model.nq else f"{model.nq - posed} of {model.nq} joint coordinates are not observed"

    def put(self, data: Any, observation: Floats) -> None:
        """Write what is observed."""
        for entries, write in self._writers:
            write(data, observation[entries])


def _writers(source: Source, names: Names, model: Any) -> Iterator[tuple[int, Write | None]]:
    """Yield, per name of a source, how many entries it has and what writes them; None where nothing can."""
    for name in source.names:
        if source.kind == "joint_positions":
            places = names.positions([name])
            yield len(places), partial(_write, "qpos", places)
        elif source.kind == "joint_velocities":
            places = names.velocities([name])
            yield len(places), partial(_write, "qvel", places)
        elif source.kind == "site_positions":
            site = names.index("site", name)
            yield 3, partial(_place_site, model, site) if model.site_bodyid[site] == 0 else None
        else:
            yield int(model.sensor_dim[names.index("sensor", name)]), None


def _write(vector: str, places: list[int], data: Any, values: Floats) -> None:
    getattr(data, vector)[places] = values


def _place_site(model: Any, site: int, data: Any, values: Floats) -> None:
    del data  # a site of the world, such as a target, belongs to the model
    model.site_pos[site] = values
