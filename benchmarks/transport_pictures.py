"""The pictures of docs/concepts.md: what the transport budget does, drawn from the shipped bundles.

Particles, values and commands are those of the runtime: the bundles' own graphs, and the controller over them. Returns
and success rates are the rows that chose each bundle's setting, read from its manifest. Nothing is timed: in the
picture of the deadline a clock is charged with invented stage times. The same seed gives the same pictures.

Example:
    python benchmarks/transport_pictures.py --out docs/pictures
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import tyro
from numpy.typing import NDArray

from sim.plants import open_plant
from vgf_robot.backends import Graphs, Selected, StepResult, load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Command, Controller

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BACKEND = "onnxruntime-cpu"
GREY, BLUE, ORANGE, RED, GREEN = "#8b929c", "#2166ac", "#e08214", "#b2182b", "#4d9a6a"
INK = "#26313d"
STYLE = {
    "svg.hashsalt": "vgf-robot",  # names inside the file do not depend on the run
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "xtick.color": INK,
    "ytick.color": INK,
}
TICKS_BEFORE = 360  # the Hopper is on its way by then, and the critic wants something else than the data
NUM_CLOUD_DRAWS = 30
GRID = 41
SHADES = 11
PLANE = (1, 2)  # the entries that are drawn
PLANE_LABELS = ("leg torque", "foot torque")
DISTANCES = (0.25, 0.5, 1.0)
NUM_SHOWN = 10
# Of the picture of the deadline, in milliseconds: a board on which the sealed four steps fill most of the period.
CHARGED_MS = {"reference": 1.2, "step": 1.2, "select": 0.5}
DEADLINES_MS = (7.2, 6.0, 4.8, 3.6, 2.4, 1.2, 0.4)
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    out: Path = Path("docs/pictures")
    """Folder of the pictures."""
    seed: int = 1
    """Of the episode whose observations are used, and of the noise."""
    observations: int = 100
    """Observations over which the critic's opinion is averaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where particles went.

    Attributes:
        positions: Shape (L + 1, N, A), in normalised action units, from the reference's draw on.
        values: Shape (L + 1, N), the critic's.
        chosen: Index of the particle that the bundle would send.
    """

    positions: Floats
    values: Floats
    chosen: int

    @property
    def displacement(self) -> Floats:
        """How far each particle is from where it began, shape (L + 1, N)."""
        return np.linalg.norm(self.positions - self.positions[0], axis=2)


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    options.out.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for name, figure in _figures(options):
            path = options.out / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None}, facecolor="white", bbox_inches="tight", dpi=150)
            plt.close(figure)
            print(path)
    return 0


def _figures(options: Options) -> Sequence[tuple[str, Figure]]:
    hopper = Bundle.load("hopper-replay")
    observation = observations(hopper, options.seed, 1, TICKS_BEFORE)[0]
    return [
        ("steps", steps_figure(hopper, observation, options.seed)),
        ("distance", distance_figure(hopper, observation, options.seed)),
        ("opinion", opinion_figure(options)),
        ("deadline", deadline_figure(hopper, observation)),
    ]


def observations(bundle: Bundle, seed: int, count: int, every: int) -> Floats:
    """Return what the bundle's own plant observes under the sealed controller, shape (count, O)."""
    controller, plant = Controller.open(bundle), open_plant(bundle.manifest.environment)
    kept: list[Floats] = []
    episode_seed = seed
    while len(kept) < count:
        observation, episode = plant.reset(episode_seed), controller.begin_episode(episode_seed)
        done, tick = False, 0
        while not done and len(kept) < count:
            action = controller.tick(episode, observation, None).action
            transition = plant.apply(action)
            observation, done, tick = transition.observation, transition.done, tick + 1
            if tick % every == 0:
                kept.append(observation.copy())
        episode_seed += 1
    plant.close()
    return np.array(kept)


def open_graphs(bundle: Bundle, num_particles: int) -> Graphs:
    """Return the graphs of a variant, as the controller runs them."""
    variant = bundle.variant(num_particles, bundle.manifest.operating_point.reference_steps)
    return load_backend(BACKEND)(bundle, variant, threads=1)


def transported(
    graphs: Graphs, observation: Floats, noise: Floats, *, num_steps: int, step_size: float, max_distance: float
) -> Paths:
    """Draw particles, move them, and look at every place on the way.

    Args:
        graphs: Of a variant.
        observation: Shape (O,).
        noise: Shape (N, A).
        num_steps: L.
        step_size: In normalised action units.
        max_distance: Likewise; infinity for no limit.
    """
    zeros = np.zeros(len(noise), np.float32)
    particles = origin = graphs.reference(observation, noise).copy()
    first = second = np.zeros_like(noise)
    positions, values = [origin], []
    for index in range(num_steps):
        step = graphs.step(observation, particles, origin, first, second, index, step_size, max_distance)
        values.append(step.values.copy())
        particles, first, second = step.moved.copy(), step.first_moment.copy(), step.second_moment.copy()
        positions.append(particles)
    selected = graphs.select(observation, particles, zeros, 1.0)
    return Paths(positions=np.array(positions), values=np.array([*values, selected.values]), chosen=selected.index)


def steps_figure(bundle: Bundle, observation: Floats, seed: int) -> Figure:
    """Draw ten particles after 0, 1, 2 and 4 steps over the critic's opinion."""
    counts = {"no step": 0, "1 step": 1, "2 steps": 2, "4 steps": 4}
    moved = {title: _moved(bundle, observation, seed, num_steps=count) for title, count in counts.items()}
    return _panels(bundle, observation, seed, moved, {})


def distance_figure(bundle: Bundle, observation: Floats, seed: int) -> Figure:
    """Draw the sealed steps under a limit on the distance from the reference."""
    limits = {f"max_distance {limit:g}": limit for limit in DISTANCES} | {"no limit": math.inf}
    moved = {title: _moved(bundle, observation, seed, max_distance=limit) for title, limit in limits.items()}
    return _panels(bundle, observation, seed, moved, limits)


def _moved(
    bundle: Bundle, observation: Floats, seed: int, *, num_steps: int | None = None, max_distance: float = math.inf
) -> Paths:
    point = bundle.manifest.operating_point
    return transported(
        open_graphs(bundle, NUM_SHOWN),
        observation,
        _noise(seed, bundle),
        num_steps=point.max_steps if num_steps is None else num_steps,
        step_size=point.step_size,
        max_distance=max_distance,
    )


def _panels(
    bundle: Bundle, observation: Floats, seed: int, moved: Mapping[str, Paths], limits: Mapping[str, float]
) -> Figure:
    """Draw a panel for each way to move the same particles, over the plane through the last one's choice."""
    graphs = open_graphs(bundle, NUM_SHOWN)
    last = list(moved.values())[-1]
    plane = _plane(graphs, observation, last.positions[-1, last.chosen])
    cloud = np.concatenate(
        [graphs.reference(observation, _noise(seed + 1 + draw, bundle)).copy() for draw in range(NUM_CLOUD_DRAWS)]
    )
    figure, axes = plt.subplots(1, len(moved), figsize=(10, 3.1), sharex=True, sharey=True, layout="constrained")
    for axis, (title, paths) in zip(axes, moved.items(), strict=True):
        _backdrop(axis, plane, cloud)
        _draw_paths(axis, paths, limits.get(title, math.inf))
        rms = math.sqrt(float((paths.displacement[-1] ** 2).mean()))
        axis.set_title(f"{title}\nvalue {paths.values[-1, paths.chosen]:.2f}, moved {rms:.2f}")
        axis.set_xlabel(PLANE_LABELS[0])
    axes[0].set_ylabel(PLANE_LABELS[1])
    return figure


def opinion_figure(options: Options) -> Figure:
    """Draw what the critic believes of a budget beside what the robot then does."""
    figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.6), layout="constrained")
    shown = [
        ("hopper-replay", (0.3, 0.45), 10, "return_mean", ("return_low", "return_high"), "return", 1.0),
        ("cube-single-play", (0.01, 0.02), 10, "success_rate", ("success_low", "success_high"), "success (%)", 100.0),
    ]
    for (believed, measured), (name, sizes, num, key, bounds, label, scale) in zip(axes, shown, strict=True):
        bundle = Bundle.load(name)
        seen = observations(bundle, options.seed, options.observations, 5)
        rows = bundle.manifest.provenance["selection"]["rows"]
        for size, colour, beside in zip(sizes, (BLUE, ORANGE), ((-11, 5), (7, -4)), strict=True):
            own = _rows_of(rows, num, size)
            moved, gain = believed_gain(bundle, seen, num, size, max(row["max_steps"] for row in own), options.seed)
            believed.plot(moved, gain, "o-", color=colour, label=f"steps of {size:g}", ms=4)
            distances = [row["displacement_rms"] for row in own]
            scores = np.array([scale * row[key] for row in own])
            low, high = (np.array([scale * row[bound] for row in own]) for bound in bounds)
            measured.errorbar(
                distances, scores, yerr=[scores - low, high - scores], fmt="o-", color=colour, ms=4, capsize=2, lw=1.3
            )
            for row, distance, score in zip(own[1:], distances[1:], scores[1:], strict=True):
                steps = str(row["max_steps"])
                measured.annotate(steps, (distance, score), textcoords="offset points", xytext=beside, color=colour)
        believed.set(title=f"{name}, N = {num}: what the critic believes", ylabel="gain of value over no step")
        measured.set(title="what the robot gets (numbers: steps)", ylabel=label)
        believed.legend(frameon=False)
    for axis in axes.flat:
        axis.set_xlabel("distance from the reference (rms, normalised action units)")
        axis.set_ylim(bottom=0)
    return figure


def believed_gain(
    bundle: Bundle, seen: Floats, num_particles: int, step_size: float, num_steps: int, seed: int
) -> tuple[list[float], list[float]]:
    """Return the chosen particle's distance (rms) and its mean gain in value, after 0 to L steps."""
    graphs, generator = open_graphs(bundle, num_particles), np.random.default_rng(seed)
    size = bundle.manifest.action_size
    moved, best = np.zeros(num_steps + 1), np.zeros(num_steps + 1)
    for observation in seen:
        noise = generator.standard_normal((num_particles, size), np.float32)
        path = transported(graphs, observation, noise, num_steps=num_steps, step_size=step_size, max_distance=math.inf)
        chosen = path.values.argmax(axis=1)[:, np.newaxis]
        moved += np.take_along_axis(path.displacement, chosen, axis=1)[:, 0] ** 2
        best += path.values.max(axis=1)
    gain = (best - best[0]) / len(seen)
    return [float(distance) for distance in np.sqrt(moved / len(seen))], [float(each) for each in gain]


def deadline_figure(bundle: Bundle, observation: Floats) -> Figure:
    """Draw what one tick does as its deadline comes nearer."""
    commands = ticks_before(bundle, observation, DEADLINES_MS)
    figure, axis = plt.subplots(figsize=(9.5, 3.6), layout="constrained")
    colours = {"reference": GREY, "step": BLUE, "select": ORANGE}
    for place, (deadline_ms, command) in enumerate(zip(DEADLINES_MS, commands, strict=True)):
        began_ms = 0.0
        for stage, duration_ms in stages_ms(command):
            axis.barh(place, duration_ms, left=began_ms, color=colours[stage], edgecolor="white", height=0.62)
            began_ms += duration_ms
        axis.plot([deadline_ms] * 2, [place - 0.42, place + 0.42], color=RED, lw=2)
        axis.text(8.15, place, said(command), va="center", fontsize=9.5)
    for stage, colour in colours.items():
        axis.barh(0, 0, color=colour, label=stage)
    axis.plot([], [], color=RED, lw=2, label="deadline")
    axis.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.38, 1.0))
    axis.set(xlim=(0, 8), xlabel="time since the observation came (ms)", yticks=[])
    axis.spines["left"].set_visible(False)
    axis.invert_yaxis()
    return figure


def ticks_before(bundle: Bundle, observation: Floats, deadlines_ms: Sequence[float]) -> list[Command]:
    """Return one command per deadline, each in the middle of an episode, on a clock that is charged."""
    clock = ChargedClock()
    point = bundle.manifest.operating_point
    graphs = ChargedGraphs(open_graphs(bundle, point.num_particles), clock)
    controller = Controller(bundle.manifest, {(point.num_particles, point.reference_steps): graphs}, clock=clock)
    controller.warm_up()
    commands: list[Command] = []
    for deadline_ms in deadlines_ms:
        episode = controller.begin_episode(0)
        controller.tick(episode, observation, clock() + int(8e6), Budget(max_steps=0))
        commands.append(controller.tick(episode, observation, clock() + int(deadline_ms * 1e6)))
    return commands


def stages_ms(command: Command) -> list[tuple[str, float]]:
    """Return the stages that ran, in their order, with their durations."""
    timings = command.timings
    spent = [
        ("reference", timings.reference_ns),
        *(("step", ns) for ns in timings.step_ns),
        ("select", timings.select_ns),
    ]
    return [(stage, ns / 1e6) for stage, ns in spent if ns > 0]


def said(command: Command) -> str:
    """Return what the command says of itself."""
    steps = "1 step" if command.steps == 1 else f"{command.steps} steps"
    return f"{command.rung.value}, {steps}: {command.status.value}"


class ChargedClock:
    """Nanoseconds that pass when a stage is charged; call it to read it."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ns


class ChargedGraphs:
    """A bundle's graphs whose calls take the time of another machine."""

    def __init__(self, graphs: Graphs, clock: ChargedClock) -> None:
        self._graphs, self._clock = graphs, clock

    def reference(self, observation: Floats, noise: Floats) -> Floats:
        """Charge and run the stage."""
        self._charge("reference")
        return self._graphs.reference(observation, noise)

    def step(self, *arguments: Any) -> StepResult:
        """Charge and run the stage."""
        self._charge("step")
        return self._graphs.step(*arguments)

    def select(self, observation: Floats, particles: Floats, selection_noise: Floats, value_weight: float) -> Selected:
        """Charge and run the stage."""
        self._charge("select")
        return self._graphs.select(observation, particles, selection_noise, value_weight)

    def _charge(self, stage: str) -> None:
        self._clock.now_ns += int(CHARGED_MS[stage] * 1e6)


def _noise(seed: int, bundle: Bundle) -> Floats:
    return np.random.default_rng(seed).standard_normal((NUM_SHOWN, bundle.manifest.action_size), np.float32)


def _plane(graphs: Graphs, observation: Floats, through: Floats) -> Floats:
    """Return the values over two entries of the action, the others as in one particle, shape (G, G)."""
    axis = np.linspace(-1, 1, GRID, dtype=np.float32)
    across, up = np.meshgrid(axis, axis)
    points = np.tile(through, (-(-across.size // NUM_SHOWN) * NUM_SHOWN, 1)).astype(np.float32)
    points[: across.size, PLANE[0]], points[: across.size, PLANE[1]] = across.ravel(), up.ravel()
    zeros = np.zeros(NUM_SHOWN, np.float32)
    rows = points.reshape(-1, NUM_SHOWN, points.shape[1])
    values = np.concatenate([graphs.select(observation, row, zeros, 1.0).values.copy() for row in rows])
    return values[: across.size].reshape(across.shape)


def _backdrop(axis: Axes, plane: Floats, cloud: Floats) -> None:
    """Shade the plane by rank: as much of it in each shade, the darkest the best."""
    place = np.linspace(-1, 1, GRID)
    levels = np.unique(np.quantile(plane, np.linspace(0, 1, SHADES + 1)))
    colours = plt.get_cmap("Blues")(np.linspace(0.02, 0.55, len(levels) - 1))
    axis.contourf(place, place, plane, levels=levels, colors=colours).set_rasterized(True)
    axis.scatter(*cloud[:, PLANE].T, s=5, color=INK, alpha=0.35, lw=0, rasterized=True)
    axis.set(xlim=(-1.04, 1.04), ylim=(-1.04, 1.04), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))


def _draw_paths(axis: Axes, paths: Paths, limit: float) -> None:
    shown = paths.positions[:, :, PLANE]
    for particle in range(NUM_SHOWN):
        axis.plot(*shown[:, particle].T, color=ORANGE, lw=1.1, zorder=3)
    axis.scatter(*shown[0].T, s=20, facecolor="white", edgecolor=ORANGE, lw=1.1, zorder=4)
    if len(shown) > 1:
        axis.scatter(*shown[-1].T, s=28, color=ORANGE, edgecolor="white", lw=0.7, zorder=5)
    chosen = shown[-1, paths.chosen]
    axis.scatter(*chosen, s=120, facecolor="none", edgecolor=RED, lw=2, zorder=6)
    if math.isfinite(limit):
        origin = shown[0, paths.chosen]
        axis.add_patch(plt.Circle(tuple(origin), limit, fill=False, color=RED, lw=1, ls="--", zorder=6))


def _rows_of(rows: Sequence[Mapping[str, Any]], num_particles: int, step_size: float) -> list[Mapping[str, Any]]:
    """Return an evaluation's rows of one N and one step size, and the one without a step."""
    own = [row for row in rows if row["num_particles"] == num_particles]
    return sorted(
        (row for row in own if row["max_steps"] == 0 or row["step_size"] == step_size), key=lambda row: row["max_steps"]
    )


if __name__ == "__main__":
    raise SystemExit(main())
