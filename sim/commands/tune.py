"""`vgf-robot tune`: a deadline and an allowed miss rate to the setting that is worth most on this device."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from sim.tuning.page import tuning_page
from sim.tuning.request import TuneRequest
from sim.tuning.rows import CAUTION, FRONTIER, profile_of, rows_of, settings_of, working_rows
from sim.tuning.tables import caution_table, frontier_table, left_out_table, sentences, working_table
from sim.tuning.tuning import Tuned, require_kept, tune
from sim.whole_file import write_whole
from vgf_robot.bundle import Bundle
from vgf_robot.config import load, replace
from vgf_robot.errors import ConfigError
from vgf_robot.profile import save_profile
from vgf_robot.results import device_facts, finite, print_table, require_writable, write_json
from vgf_robot.verbs import parse

_EXAMPLE = "vgf-robot tune hopper-replay --deadline-ms 2,5 --miss-rate 0.01 --workers 2 --out out/profile.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is not given stays as in the configuration, or at the default in brackets."""

    bundle: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BUNDLE")]
    """The bundle's folder or the name of a shipped one."""
    config: Path | None = None
    """YAML file with the keys below, such as configs/tune/quick.yaml; the command line goes first."""
    deadline_ms: str | None = None
    """Milliseconds from an observation to its action, such as 2,5,20: a working point for each."""
    miss_rate: float | None = None
    """Share of the control periods that may miss the deadline [0.01]."""
    environment: str | None = None
    """The plant [the one that the bundle was made for]."""
    num_particles: str | None = None
    """Values of N to compare [all of the bundle]."""
    reference_steps: str | None = None
    """Values of K to compare [all of the bundle, up to the one it is sealed at]."""
    precision: str | None = None
    """Precisions to compare [all of the bundle]."""
    steps: str | None = None
    """Numbers of transport steps to compare [all up to the bundle's cap]."""
    step_size: str | None = None
    """Step sizes to compare, in normalised action units [the bundle's]."""
    selection: str | None = None
    """Selection rules to compare: argmax,softmax,uniform [the bundle's]."""
    max_distance: str | None = None
    """Largest displacements to compare, in normalised action units [the bundle's]."""
    backend: str | None = None
    """Backends to measure [all that are installed]."""
    threads: str | None = None
    """Threads of a backend to measure, such as 1,2 [1]."""
    ticks: int | None = None
    """Ticks to measure of each way to compute [500]."""
    overhead_ms: float | None = None
    """Milliseconds to add to each tick that is measured: sensors and transport [0]."""
    profile: str | None = None
    """Read what ticks take from this device profile, and measure nothing."""
    ladder_ms: str | None = None
    """Deadlines of the table of what each further millisecond buys [1,2,3,5,7,10,20]."""
    clock: str | None = None
    """Choose with the latency in the loop, `charged`, or quicker in `lock-step`; confirmed is charged [charged]."""
    episodes: int | None = None
    """Episodes of each setting [20]."""
    seed: int | None = None
    """Of the episodes on which settings are chosen [5000]."""
    confirm_episodes: int | None = None
    """Episodes of each chosen setting [50]."""
    confirm_seed: int | None = None
    """Of the other episodes on which they are scored [6000]."""
    caution: str | None = None
    """Look at the working point of the longest deadline once more at these values of max_distance; with --data
    [0.1,0.2,0.4,0.8,1.6], else [none]."""
    data: str | None = None
    """Dataset (.npz, .hdf5) from which the actions' distance is measured then."""
    workers: int | None = None
    """Processes that share the episodes [1]."""
    work: Path | None = None
    """Keeps times and episodes: the same command goes on from there [out/tune/ and the bundle's name]."""
    out: Path | None = None
    """Write the device profile there; `serve` and `drive` read it with --profile."""
    page: Path | None = None
    """Write plots and tables there as one HTML file [tune.html in the folder of --work]."""
    json: Path | None = None
    """Write every row to this file."""


def main(argv: Sequence[str]) -> int:
    """Tune, write what was found, show it, and judge the miss rate; the exit code is 0 if nothing raised."""
    options = parse(Options, argv, "tune", _EXAMPLE)
    request = resolve_request(options)
    bundle = Bundle.load(options.bundle)
    work = Path("out/tune") / bundle.manifest.name if options.work is None else options.work
    page = work / "tune.html" if options.page is None else options.page
    for place in (options.out, page):
        if place is not None:
            require_writable(place)
    tuned = tune(bundle, options.bundle, request, work, note=lambda sentence: print(sentence, flush=True))
    _publish(tuned, options, page)
    require_kept(tuned)
    return 0


def resolve_request(options: Options) -> TuneRequest:
    """Return the request: defaults, then the configuration file, then what was given on the command line.

    Raises:
        ConfigError: A value that is not what it should be; the sentence names it.
    """
    request = TuneRequest() if options.config is None else load(options.config, TuneRequest)
    given = {name: value for name, value in dataclasses.asdict(options).items() if value is not None}
    changes: dict[tuple[str, ...], Any] = {}
    for name in TuneRequest.__struct_fields__:
        if name in given:
            read = _LISTS.get(name)
            changes[(name,)] = given[name] if read is None else [read(name, part) for part in given[name].split(",")]
    return replace(request, changes, "the command line")


def _publish(tuned: Tuned, options: Options, page: Path) -> None:
    """Write the files first: whatever goes wrong with a table, hours of episodes are not lost by it."""
    rows, settings = finite(rows_of(tuned)), settings_of(tuned, options.bundle)
    if options.json is not None:
        write_json(options.json, "tune", settings, rows)
    if options.out is not None and tuned.request.deadline_ms:
        save_profile(options.out, profile_of(tuned))
    working = working_rows(tuned)
    write_whole(page, tuning_page(settings, rows, working, _lead(tuned)))
    _show(rows, working, tuned)
    print(f"Plots and tables are in {page}.")
    if options.out is not None:
        print(f"The device profile is {options.out}: vgf-robot serve {options.bundle} --profile {options.out}")


def _show(rows: Sequence[dict[str, Any]], working: Sequence[dict[str, Any]], tuned: Tuned) -> None:
    by_mode: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_mode.setdefault(row["mode"], []).append(row)
    request = tuned.request
    left_out = left_out_table(rows)
    if left_out[0]:
        print_table("not simulated: the recorded times say that it does not fit", *left_out)
    confirmed = f"{request.confirm_episodes} other episodes, seed {request.confirm_seed}"
    print_table(f"working points, {confirmed}", *working_table(working))
    print_table("what each further millisecond buys", *frontier_table(by_mode.get(FRONTIER, [])))
    if CAUTION in by_mode:
        print_table("what caution costs", *caution_table(by_mode[CAUTION]))
    for sentence in sentences(rows):
        print(sentence)


def _lead(tuned: Tuned) -> str:
    request, device = tuned.request, device_facts()
    where = f"{device['cpu']}, {device['cores']} cores" if request.profile is None else f"profile {request.profile}"
    return (
        f"{tuned.bundle.manifest.environment}, at most {100 * request.miss_rate:g} % of the periods missed; {where}. "
        f"Chosen on {request.episodes} episodes of each setting (seed {request.seed}, {request.clock}), scored on "
        f"{request.confirm_episodes} others (seed {request.confirm_seed}, charged). Intervals are 95 %."
    )


def _whole(name: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise ConfigError(f"--{name.replace('_', '-')}: expected whole numbers such as 1,4,10, found '{text}'.")
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"--{name.replace('_', '-')}: expected numbers such as 2,5,20, found '{text}'.") from error


def _word(_: str, text: str) -> str:
    return text.strip()


_LISTS: dict[str, Callable[[str, str], int | float | str]] = {
    **dict.fromkeys(("num_particles", "reference_steps", "steps", "threads"), _whole),
    **dict.fromkeys(("deadline_ms", "step_size", "max_distance", "ladder_ms", "caution"), _number),
    **dict.fromkeys(("precision", "selection", "backend"), _word),
}
