"""How much of everything the demo runs."""

from __future__ import annotations

from dataclasses import dataclass


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
    synthetic_budget_s: float = 40.0


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
