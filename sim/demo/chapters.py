"""What the page says about each part of the demo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sim import page
from sim.demo.arm import Live
from sim.demo.comparison import Comparison
from sim.demo.figures import latency_figure, steps_figure, success_figure
from sim.demo.results import arm_table, comparison_table
from sim.demo.synthetic import DEADLINE_FACTOR
from sim.demo.tour import Tour
from sim.demo.trace import PeriodSeries, period_series
from sim.demo.verdict import judge
from sim.demo.video import Video
from sim.evaluation.evaluate import Evaluation
from sim.evaluation.report import notes
from vgf_robot.results import device_facts

_THROUGH = {
    "server": "through a server of its own",
    "in-process": "with the controller in the simulated robot's own process",
}
_LATENCY = "Latencies are p50 / p99 in ms; brackets are 95 % intervals."


def whole_page(tour: Tour, when: datetime) -> str:
    """Return the page of a finished demo."""
    device = device_facts()
    lead = (
        f"Run on {when:%Y-%m-%d %H:%M}: {device['cpu']}, {device['cores']} cores, {device['system']}, ONNX Runtime "
        f"{device['onnxruntime']} on one thread. Everything below was measured in this one run."
    )
    chapters = [_arm(tour.arm, tour.live), _live(tour.live, tour.video), _load(tour.load)]
    if tour.synthetic is not None:
        chapters.append(_synthetic(tour.synthetic, tour.load))
    return page.page("Value-gradient flow with a deadline", lead, [*chapters, _terms()])


def _arm(arm: Evaluation, live: Live) -> str:
    manifest = arm.bundle.manifest
    rows = [*arm.rows, live.row]
    return page.section(
        f"1. How much does transport help? {manifest.name}",
        page.paragraph(
            f"Each budget ran the same {arm.plan.episodes} episodes of {arm.environment} (seed {arm.plan.seed}). In "
            "these the simulation waits for the controller, so that speed plays no part: reference draws one action "
            "(one particle, no step), best-of-n draws ten and takes the one the critic likes best, tuned also moves "
            "them along the critic's gradient as the bundle's setting says. The row marked live ran in real "
            "time, see below."
        ),
        page.table(*arm_table(rows)),
        page.notes([*notes(arm), _LATENCY]),
        page.plot("Episodes solved, with 95 % Wilson intervals", success_figure(arm.rows)),
    )


def _live(live: Live, video: Video | str) -> str:
    row = live.row
    counts = [recording.actions.shape[0] for recording in live.recordings]
    found = period_series(live.trace, counts, live.recordings[0].control_period_s, live.deadline_ms)
    solved = sum(bool(recording.success) for recording in live.recordings)
    rate_hz = 1 / live.recordings[0].control_period_s
    text = (
        f"{_episodes(len(counts))} of the tuned budget at {rate_hz:g} Hz: the simulated robot sends each observation "
        f"to `vgf-robot serve`, a process of its own, and uses what is back within {live.deadline_ms:g} ms. Solved: "
        f"{solved} of {len(counts)}. Missed: {100 * row['miss_rate']:.2f} % of {sum(counts)} periods."
    )
    return page.section(
        "2. The arm in real time",
        page.paragraph(text),
        _film(live, video),
        page.plot("When the action was back", latency_figure({"tuned": found}, [row["miss_rate"]], live.deadline_ms)),
    )


def _film(live: Live, video: Video | str) -> str:
    if isinstance(video, str):
        return page.paragraph(video, "mark")
    shown = live.recordings[: video.num_episodes]
    solved = sum(bool(recording.success) for recording in shown)
    caption = (
        f"{_episodes(len(shown))} from the start of the live ones ({solved} solved) at their real speed, "
        f"{video.frames_per_s:.3g} pictures per second, drawn afterwards from the actions that the robot was given."
    )
    return page.film(video.path, caption)


def _load(comparison: Comparison) -> str:
    manifest = comparison.bundle.manifest
    text = (
        f"{manifest.name} at {1 / manifest.control_period_s:g} Hz {_THROUGH[comparison.through]}, while "
        f"{_processes(comparison)}. fixed-0 takes no transport step: its misses are the floor that the machine sets. "
        "fixed-cap always takes every step, whatever the time. adaptive takes the steps that fit before the deadline. "
        "The modes take turns on the same episodes, so that a drift of the machine hits all alike; the last row is "
        "adaptive on the idle machine."
    )
    return page.section("3. On a loaded machine", page.paragraph(text), *_comparison(comparison))


def _synthetic(comparison: Comparison, load: Comparison) -> str:
    manifest = comparison.bundle.manifest
    point = manifest.operating_point
    mark = (
        "Synthetic: the weights are random numbers and the observations are drawn by chance. It is a known amount of "
        "work and no policy; it has no task, no success and no return."
    )
    text = (
        f"{_why_synthetic(load)} The same modes again with networks of the paper's size ({point.num_particles} "
        f"particles, up to {point.max_steps} steps). The deadline of {comparison.deadline_ms:.3g} ms is "
        f"{DEADLINE_FACTOR:g} times what 99 % of its whole ticks took on the idle machine; meanwhile "
        f"{_processes(comparison)}."
    )
    return page.section(
        "4. The same with a synthetic policy of the paper's size",
        page.paragraph(mark, "mark"),
        page.paragraph(text),
        *_comparison(comparison),
    )


def _why_synthetic(load: Comparison) -> str:
    if load.too_fast:
        return (
            "This machine is too fast for the policy above to miss much, and its control period is not ours to change."
        )
    return "Beside the policy above, which misses enough on this machine to be judged:"


def _comparison(comparison: Comparison) -> Sequence[str]:
    series, miss_rates = _series(comparison), [row["miss_rate"] for row in comparison.rows]
    return (
        page.table(*comparison_table(comparison)),
        page.notes([_LATENCY]),
        page.findings(judge(comparison)),
        page.plot("Steps and misses over time (means over half a second)", steps_figure(series)),
        page.plot("When the action was back", latency_figure(series, miss_rates, comparison.deadline_ms)),
    )


def _series(comparison: Comparison) -> dict[str, PeriodSeries]:
    period_s, deadline_ms = comparison.bundle.manifest.control_period_s, comparison.deadline_ms
    return {
        run.turn.label: period_series(
            run.trace, [episode.num_periods for episode in run.episodes], period_s, deadline_ms
        )
        for run in comparison.runs
    }


def _processes(comparison: Comparison) -> str:
    if comparison.num_busy == 1:
        return "one process keeps the core busy"
    return f"{comparison.num_busy} processes keep all {comparison.num_busy} cores busy"


def _episodes(count: int) -> str:
    return "1 episode" if count == 1 else f"{count} episodes"


def _terms() -> str:
    return page.section(
        "Terms",
        page.notes(
            [
                "A miss is a control period without a fresh action by its deadline: late, none at all, or a fallback "
                "that did not use the observation. Every period counts, skipped ones too.",
                "In the histograms the scale is logarithmic; red bars came after the deadline, and the last bar holds "
                "all that came later still or not at all. Who keeps a deadline stops waiting there.",
                "All numbers, and what is needed to repeat them, are in results.json beside this page.",
            ]
        ),
    )
