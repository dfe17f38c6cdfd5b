"""From a bundle, deadlines and a miss rate to working points: measure, foretell, choose, confirm."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sim.evaluation.neighbours import Neighbours
from sim.plants import Plant
from sim.plants import knows_success as plant_knows_success
from sim.plants import open_plant as open_any_plant
from sim.tuning.candidates import Shape, candidates_of, sealed_candidate, shapes_of
from sim.tuning.choosing import Choice, cell_of, choose, require_some_fit, with_displacements
from sim.tuning.costs import Costs, Lane, costs_of, fastest, measure_costs
from sim.tuning.request import TuneRequest, require_consistent
from sim.tuning.screening import Screened, screen
from sim.tuning.simulating import Cell, Note, Simulated, Stand, simulate
from vgf_robot.bundle import Bundle
from vgf_robot.errors import LimitError
from vgf_robot.profile import save_profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What was found.

    Attributes:
        bundle: What was run.
        request: What was asked.
        work: Folder of the episodes.
        times: File of the measured times, or the profile that was read.
        costs: What every way to compute every shape takes.
        lanes: The fastest of each shape.
        screened: Every setting at every deadline.
        simulated: What settings were worth where they were chosen.
        choices: By deadline; those that no setting keeps are missing.
        confirmed: What the chosen ones and their rivals were worth on other episodes.
        caution: A working point at several displacements, ascending; empty where that was not asked for.
        data_distance: Median distance between neighbours of the dataset; None where there is none.
    """

    bundle: Bundle
    request: TuneRequest
    work: Path
    times: Path
    costs: Costs
    lanes: Sequence[Lane]
    screened: Sequence[Screened]
    simulated: Mapping[Cell, Simulated]
    choices: Mapping[float, Choice]
    confirmed: Mapping[Cell, Simulated]
    caution: Mapping[Cell, Simulated]
    data_distance: float | None


def tune(
    bundle: Bundle,
    source: str,
    request: TuneRequest,
    work: Path,
    *,
    open_plant: Callable[[str], Plant] = open_any_plant,
    knows_success: Callable[[str], bool] = plant_knows_success,
    note: Note = print,
) -> Tuned:
    """Find the working points; what is on disk of an earlier run of the same request is not done again.

    Args:
        bundle: Verified.
        source: The bundle as it was named: a folder, or a shipped one.
        request: What to find.
        work: Folder of times and episodes; made if missing.
        open_plant: Opens a plant by its name.
        knows_success: Whether a plant says when its task is solved.
        note: Takes what is worth saying.

    Raises:
        VgfError: Anything that stands against the request, before anything is simulated.
        LimitError: No setting keeps any of the deadlines.
        KeyboardInterrupt: The episodes that there are stand in the folder; the same call goes on from there.
    """
    require_consistent(request, bundle.manifest)
    knows_success(request.environment or bundle.manifest.environment)
    shapes = shapes_of(bundle, request)
    candidates_of(bundle, request, shapes)  # what the bundle does not allow is refused before hours of work
    data_distance = None if request.data is None else _data_distance(bundle, Path(request.data))
    times = _times(bundle, request, shapes, work, note)
    costs = costs_of(times, shapes)
    lanes = fastest(costs, max(request.steps, default=bundle.manifest.operating_point.max_steps))
    shapes = [lane.shape for lane in lanes]
    screened = screen(bundle.manifest, request, lanes, candidates_of(bundle, request, shapes))
    require_some_fit(request, screened)
    stand = Stand(
        bundle=bundle,
        source=source,
        request=request,
        lanes=lanes,
        work=work,
        open_plant=open_plant,
        knows_success=knows_success,
        note=note,
    )
    cells = [cell_of(each) for each in screened if each.left_out is None]
    simulated = simulate(stand, "choosing", cells, episodes=request.episodes, seed=request.seed)
    choices = choose(request, screened, simulated, sealed_candidate(bundle.manifest.operating_point, shapes))
    return Tuned(
        bundle=bundle,
        request=request,
        work=work,
        times=times,
        costs=costs,
        lanes=lanes,
        screened=screened,
        simulated=simulated,
        choices=choices,
        confirmed=_confirm(stand, choices),
        caution=_caution(stand, choices),
        data_distance=data_distance,
    )


def require_kept(tuned: Tuned) -> None:
    """Check the limit that the user set: the miss rate at every deadline that was asked for.

    Raises:
        LimitError: The first deadline that no setting keeps, or that was missed more often than allowed.
    """
    for deadline_ms in tuned.request.deadline_ms:
        choice = tuned.choices.get(deadline_ms)
        if choice is None:
            raise LimitError(f"No setting keeps a deadline of {deadline_ms:g} ms; the table says by how much.")
        missed = tuned.confirmed[choice.confirmed(choice.screened)].row["miss_rate"]
        if missed > tuned.request.miss_rate:
            raise LimitError(
                f"{deadline_ms:g} ms, {choice.screened.candidate.title}: miss rate {missed:.3g} on the confirming "
                f"episodes, expected at most {tuned.request.miss_rate:g}; allow more time, or more --ticks to foretell "
                "it from."
            )


def _times(bundle: Bundle, request: TuneRequest, shapes: list[Shape], work: Path, note: Note) -> Path:
    """Return the file of the times: the profile that was given, an earlier measurement of the same, or a new one."""
    if request.profile is not None:
        return Path(request.profile)
    asked = (bundle.sha256, shapes, request.backend, request.threads, request.ticks, request.overhead_ms)
    path = work / f"measured-{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:10]}.json"
    if path.exists():
        note(f"Times measured earlier are in {path}; remove it to measure again.")
    else:
        save_profile(path, measure_costs(bundle, request, shapes, note))
    return path


def _confirm(stand: Stand, choices: Mapping[float, Choice]) -> dict[Cell, Simulated]:
    asked = stand.request
    cells = [cell for choice in choices.values() for cell in choice.cells()]
    if not cells:
        return {}
    return simulate(stand, "confirming", cells, episodes=asked.confirm_episodes, seed=asked.confirm_seed)


def _caution(stand: Stand, choices: Mapping[float, Choice]) -> dict[Cell, Simulated]:
    """Look at the longest deadline's choice, or where that takes no step the bundle's own setting, more cautiously."""
    request = stand.request
    asked = [choices[each] for each in sorted(request.deadline_ms) if each in choices]
    if not request.displacements or not asked:
        return {}
    choice = asked[-1]
    moving = [each for each in (choice.screened, *choice.rivals.values()) if each.candidate.max_steps]
    if not moving:
        stand.note("caution: no setting that fits takes a step, so there is nothing to be cautious about.")
        return {}
    candidates = with_displacements(request, moving[0].candidate)
    cells = [Cell(each, choice.deadline_ms) for each in candidates]
    return simulate(stand, "caution", cells, episodes=request.episodes, seed=request.confirm_seed, data=request.data)


def _data_distance(bundle: Bundle, data: Path) -> float:
    return Neighbours.read(data, bundle.manifest).within_data()
