"""The picture of the point maze: what a critic has learned of it, and where it moves the particles.

Drawn from a bundle of the point maze, by the runtime: its own graphs for values and particles, its controller for the
ways of a few episodes. The same bundle and seed give the same picture.

Example:
    python benchmarks/maze_picture.py bundles/pointmaze-medium --out docs/pictures/maze.svg
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import numpy as np
import tyro
from numpy.typing import NDArray

from benchmarks.transport_pictures import GREY, INK, NUM_SHOWN, ORANGE, RED, STYLE, open_graphs, transported
from sim.plants import DivisiblePlant, open_plant
from vgf_robot.backends import Graphs
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

SPACING_M = 0.25  # of the places whose value is drawn
CLEARANCE_M = 0.6  # the point has a radius of 0.7, and walls that give way a little
METRES_PER_ACTION = 1.2  # in the picture; in the maze an action of 1 is 0.2 m
NUM_PLACES = 6
MARGIN_M = 0.5  # of the outer walls that is drawn
SHADES = 24
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    bundle: Annotated[Path, tyro.conf.Positional]
    """A bundle of a point maze, with a variant of ten particles."""
    out: Path = Path("docs/pictures/maze.svg")
    """The picture."""
    seed: int = 0
    """Of episodes and noise."""
    episodes: int = 3
    """Whose ways are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maze:
    """Where the walls are.

    Attributes:
        low: Shape (W, 2), lower corner of each wall, in metres.
        size: Shape (W, 2), in metres.
    """

    low: Floats
    size: Floats

    def bounds(self) -> tuple[float, float]:
        """Return what is drawn of both axes, in metres: the maze, and a little of its outer walls."""
        wall = float(self.size.max())
        return float(self.low.min()) + wall - MARGIN_M, float(self.low.max()) + MARGIN_M

    def places(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Return a grid of places (G, G, 2), and which of them (G, G) the point can be at."""
        first, last = self.low.min(), (self.low + self.size).max()
        axis = np.arange(first, last, SPACING_M, dtype=np.float32) + SPACING_M / 2
        places = np.stack(np.meshgrid(axis, axis), axis=-1)
        low, high = self.low - CLEARANCE_M, self.low + self.size + CLEARANCE_M
        inside = (places[..., np.newaxis, :] > low) & (places[..., np.newaxis, :] < high)
        return places, ~inside.all(axis=-1).any(axis=-1)


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    bundle = Bundle.load(options.bundle)
    plant = open_plant(bundle.manifest.environment)
    ways = list(walked(bundle, plant, options.seed, options.episodes))
    maze = maze_of(plant)
    plant.close()
    with mpl.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.6, 6.6), layout="constrained")
        shades = _draw_values(axis, maze, open_graphs(bundle, NUM_SHOWN), options.seed)
        figure.colorbar(shades, ax=axis, label="value of the best of ten particles", shrink=0.8)
        for way in ways:
            axis.plot(*way.T, color=INK, lw=0.8, alpha=0.7)
        _draw_particles(axis, bundle, ways[0], options.seed)
        inside = maze.bounds()
        axis.set(aspect="equal", xlim=inside, ylim=inside, xlabel="x (m)", ylabel="y (m)")
        options.out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(options.out, metadata={"Date": None}, facecolor="white", bbox_inches="tight", dpi=150)
    print(options.out)
    return 0


def walked(bundle: Bundle, plant: DivisiblePlant, seed: int, num_episodes: int) -> Iterator[Floats]:
    """Yield the positions of each episode under the sealed setting, shape (T, 2)."""
    controller = Controller.open(bundle)
    for number in range(num_episodes):
        observation, episode = plant.reset(seed + number), controller.begin_episode(seed + number)
        way, done = [observation.copy()], False
        while not done:
            transition = plant.apply(controller.tick(episode, observation, None).action)
            observation, done = transition.observation, transition.done
            way.append(observation.copy())
        yield np.array(way)


def maze_of(plant: DivisiblePlant) -> Maze:
    """Return the walls of a maze that is loaded: boxes named block_ROW_COLUMN."""
    model: Any = plant.physics().model
    walls = [number for number in range(model.ngeom) if model.geom(number).name.startswith("block_")]
    centre, half = model.geom_pos[walls, :2], model.geom_size[walls, :2]
    return Maze(low=(centre - half).astype(np.float32), size=(2 * half).astype(np.float32))


def spread_along(way: Floats, count: int) -> Floats:
    """Return places of a way at equal distances along it, without its ends; (T, 2) to (count, 2)."""
    travelled = np.concatenate([[0.0], np.linalg.norm(np.diff(way, axis=0), axis=1).cumsum()])
    wanted = np.linspace(0.0, travelled[-1], count + 2)[1:-1]
    return way[np.searchsorted(travelled, wanted)]


def best_values(graphs: Graphs, places: Floats, seed: int) -> Floats:
    """Return the value of the best of ten unmoved particles at each place; (P, 2) to (P,)."""
    generator, zeros = np.random.default_rng(seed), np.zeros(NUM_SHOWN, np.float32)
    best = np.empty(len(places), np.float32)
    for index, place in enumerate(places):
        noise = generator.standard_normal((NUM_SHOWN, 2), np.float32)
        best[index] = graphs.select(place, graphs.reference(place, noise), zeros, 1.0).values.max()
    return best


def _draw_values(axis: Axes, maze: Maze, graphs: Graphs, seed: int) -> Any:
    places, free = maze.places()
    values = np.full(free.shape, np.nan, np.float32)
    values[free] = best_values(graphs, places[free], seed)
    for low, size in zip(maze.low, maze.size, strict=True):
        axis.add_patch(Rectangle(tuple(low), *size, facecolor=GREY, lw=0))
    shades = axis.contourf(places[..., 0], places[..., 1], values, levels=SHADES, cmap="Blues")
    shades.set_rasterized(True)
    return shades


def _draw_particles(axis: Axes, bundle: Bundle, way: Floats, seed: int) -> None:
    """Draw ten particles and where the sealed steps move them, at a few places of a way."""
    point, graphs = bundle.manifest.operating_point, open_graphs(bundle, NUM_SHOWN)
    generator = np.random.default_rng(seed)
    for place in spread_along(way, NUM_PLACES):
        noise = generator.standard_normal((NUM_SHOWN, 2), np.float32)
        steps, size = max(point.max_steps, 1), point.step_size
        path = transported(graphs, place, noise, num_steps=steps, step_size=size, max_distance=np.inf)
        shown = place + METRES_PER_ACTION * path.positions
        for particle in range(NUM_SHOWN):
            axis.plot(*shown[:, particle].T, color=ORANGE, lw=1, zorder=3)
        axis.scatter(*shown[0].T, s=9, facecolor="white", edgecolor=ORANGE, lw=0.8, zorder=4)
        axis.scatter(*shown[-1].T, s=12, color=ORANGE, edgecolor="white", lw=0.4, zorder=5)
        axis.scatter(*shown[-1, path.chosen], s=50, facecolor="none", edgecolor=RED, lw=1.5, zorder=6)
        axis.plot(*place, "+", color=INK, zorder=7)


if __name__ == "__main__":
    raise SystemExit(main())
