"""The demo from the first stage to the last: what is run, not how it is shown."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sim.demo.arm import Live, run_live, success_per_budget
from sim.demo.comparison import Comparison, compare
from sim.demo.narrator import Narrator
from sim.demo.request import Request
from sim.demo.synthetic import NoPlant, timed_by_this_machine
from sim.demo.video import Video, make_video
from sim.evaluation.evaluate import Evaluation
from sim.plants import require_fit

NUM_STAGES = 5  # the last one only where it is needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """What came out.

    Attributes:
        arm: Success of each budget.
        live: The tuned budget in real time.
        video: The film, or why there is none.
        load: The modes on the loaded machine.
        synthetic: The same with the synthetic bundle; None where it was not needed.
    """

    arm: Evaluation
    live: Live
    video: Video | str
    load: Comparison
    synthetic: Comparison | None


def run_tour(request: Request, narrator: Narrator) -> Tour:
    """Run every stage.

    Raises:
        VgfError: A bundle does not fit its plant, a server does not start, a process was killed.
    """
    user_gl = os.environ.get("MUJOCO_GL")  # opening a plant that never draws changes it
    _require_fit(request)
    arm, live = _arm(request, narrator)
    video = _video(request, live, user_gl, narrator)
    load = _load(request, narrator)
    return Tour(arm=arm, live=live, video=video, load=load, synthetic=_synthetic(request, load, narrator))


def _require_fit(request: Request) -> None:
    """Find out now and not after minutes."""
    for bundle in (request.arm, request.hopper):
        with closing(request.open_plant(bundle.manifest.environment)) as plant:
            require_fit(bundle.manifest, plant)


def _arm(request: Request, narrator: Narrator) -> tuple[Evaluation, Live]:
    bundle, extent = request.arm, request.extent
    rate_hz = 1 / bundle.manifest.control_period_s
    with (
        narrator.stage(f"{bundle.manifest.name} in real time at {rate_hz:g} Hz, through `serve` in its own process"),
        closing(request.open_plant(bundle.manifest.environment)) as plant,
    ):
        live = run_live(bundle, plant, extent, request.seed, narrator.detail)
    with narrator.stage(f"{bundle.manifest.name}: success per budget, {extent.success_episodes} episodes each"):
        arm = success_per_budget(bundle, extent, request.seed, request.open_plant)
    return arm, live


def _video(request: Request, live: Live, user_gl: str | None, narrator: Narrator) -> Video | str:
    extent = request.extent
    with narrator.stage("A film of the live episodes"):
        video = make_video(
            live.recordings,
            request.out / "live.mp4",
            budget_s=extent.video_budget_s,
            video_s=extent.video_s,
            user_gl=user_gl,
        )
    narrator.say(video if isinstance(video, str) else f"video: {video.path}")
    return video


def _load(request: Request, narrator: Narrator) -> Comparison:
    bundle, extent = request.hopper, request.extent
    rate_hz = 1 / bundle.manifest.control_period_s
    title = f"{bundle.manifest.name} in real time at {rate_hz:g} Hz, with a busy process on every core"
    with narrator.stage(title), closing(request.open_plant(bundle.manifest.environment)) as plant:
        return compare(
            bundle,
            plant,
            through=request.through,
            seed=request.seed,
            budget_s=extent.load_budget_s,
            min_rounds=extent.min_rounds,
            report=narrator.detail,
        )


def _synthetic(request: Request, load: Comparison, narrator: Narrator) -> Comparison | None:
    if not (load.too_fast or request.always_synthetic):
        return None
    extent = request.extent
    with (
        narrator.stage("The same with a synthetic policy of the paper's size"),
        tempfile.TemporaryDirectory() as folder,
    ):
        narrator.detail("measuring what it takes on the idle machine")
        bundle = timed_by_this_machine(
            request.make_synthetic(Path(folder)), Path(folder), extent.probe_ticks, request.through
        )
        return compare(
            bundle,
            NoPlant(bundle.manifest, extent.synthetic_periods),
            through=request.through,
            seed=request.seed,
            budget_s=extent.synthetic_budget_s,
            min_rounds=extent.min_rounds,
            report=narrator.detail,
            synthetic=True,
        )
