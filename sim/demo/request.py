"""What the demo shall run, and how much of everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sim.demo.driving import Through
from sim.plants import Plant
from vgf_robot.bundle import Bundle

OpenPlant = Callable[[str], Plant]
MakeSynthetic = Callable[[Path], Bundle]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Amounts and time budgets; together they keep the demo under five minutes on two cores.

    Attributes:
        success_episodes: Episodes of each budget in the success table.
        live_episodes: Episodes in real time through the server, at most.
        live_budget_s: After this long no further live episode begins.
        video_budget_s: Time that drawing frames may take.
        video_s: Seconds of the live episodes that are shown, at most.
        load_budget_s: After this long no further round on the loaded machine begins.
        min_rounds: Rounds that are run however long they take.
        probe_ticks: Ticks that measure how long the synthetic policy takes on the idle machine.
        synthetic_periods: Control periods of one episode of the synthetic policy.
        synthetic_budget_s: As `load_budget_s`, for the synthetic policy.
    """

    success_episodes: int = 30
    live_episodes: int = 5
    live_budget_s: float = 30.0
    video_budget_s: float = 25.0
    video_s: float = 15.0
    load_budget_s: float = 105.0
    min_rounds: int = 2
    probe_ticks: int = 200
    synthetic_periods: int = 100
    synthetic_budget_s: float = 90.0


FULL = Extent()
QUICK = Extent(
    success_episodes=2,
    live_episodes=1,
    live_budget_s=1.0,
    video_budget_s=2.0,
    video_s=1.0,
    load_budget_s=1.0,
    min_rounds=1,
    probe_ticks=20,
    synthetic_periods=20,
    synthetic_budget_s=1.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What shall be run.

    Attributes:
        arm: The bundle that solves a task.
        hopper: The bundle that is run under load.
        out: Folder of the film.
        seed: The episodes follow from it.
        extent: How much.
        through: Where the controller runs under load.
        open_plant: Opens a plant by its name.
        make_synthetic: Writes the synthetic bundle into a folder.
        always_synthetic: Whether to run it even where the other one misses enough.
    """

    arm: Bundle
    hopper: Bundle
    out: Path
    seed: int
    extent: Extent
    through: Through
    open_plant: OpenPlant
    make_synthetic: MakeSynthetic
    always_synthetic: bool
