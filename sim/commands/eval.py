"""`vgf-robot eval`: closed loop in simulation, one row per setting of a bundle, or a suite of many."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro

from sim.commands.page_path import require_page
from sim.evaluation.evaluate import Evaluation, EvaluationInterrupted, evaluate
from sim.evaluation.plan import Plan
from sim.evaluation.report import for_terminal, notes, require_judgeable, require_limits, settings_of, table
from sim.plants import knows_success
from sim.suite.suite import is_suite
from vgf_robot.bundle import Bundle
from vgf_robot.config import load, replace
from vgf_robot.errors import ConfigError
from vgf_robot.results import finite, print_table, require_writable, write_json
from vgf_robot.verbs import parse

_EXAMPLE = "vgf-robot eval runs/cube/bundle --num-particles 1,10 --steps 0,1,3 --episodes 50 --json out/eval.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is not given stays as in the configuration, or at the default in brackets."""

    bundle: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BUNDLE|SUITE.yaml")]
    """The bundle's folder or the name of a shipped one; or the YAML file of a suite such as configs/eval/suite.yaml,
    which says everything but --out, --workers, --ray-address, --report and --json."""
    config: Path | None = None
    """YAML file with the keys below, such as configs/eval/cube-single-sweep.yaml; the command line goes first."""
    environment: str | None = None
    """The plant [the one that the bundle was made for]."""
    episodes: int | None = None
    """Episodes per setting [50]."""
    seed: int | None = None
    """Every setting sees the episodes that follow from it; report on another than the one you tuned on [1000]."""
    num_particles: str | None = None
    """Values of N to sweep, such as 1,4,10."""
    steps: str | None = None
    """Numbers of transport steps to sweep, such as 0,1,2,3; none above the bundle's cap."""
    step_size: str | None = None
    """Step sizes to sweep, in normalised action units, such as 0.01,0.05."""
    min_gain: str | None = None
    """Gains of value to sweep, such as 0.01,0.1: once a step has gained less, no further one is taken."""
    selection: str | None = None
    """Selection rules to sweep: argmax,softmax,uniform."""
    reference_steps: int | None = None
    """K, one of the bundle's and no more than its own [its own]."""
    data: str | None = None
    """Dataset of the bundle; every action is looked up, and the rows say how far from it they are [none]."""
    d4rl_task: str | None = None
    """D4RL's name of the task, such as hopper-medium-v2; rows have its normalised score, with what that is worth
    [none]."""
    clock: str | None = None
    """`lock-step`: the plant waits, every step is taken; `real-time`: an action per period, or a miss; `charged`:
    likewise on a clock of the simulation, where actions take effect as late as they come [lock-step]."""
    deadline_share: float | None = None
    """Share of the control period after which an action is too late; not for lock-step [0.9]."""
    profile: str | None = None
    """Stage times of a device, .npz or .json, for `charged` [what the stages take in this run]."""
    slow_down: float | None = None
    """The profile's times are taken times this [1]."""
    record_profile: str | None = None
    """Write what ticks of every step take here, in real time and in this process, as a profile for `charged`."""
    severity: float | None = None
    """How strong the faults of the configuration are, from 0 to 1 [1]."""
    through: str | None = None
    """`in-process`, or `server` to start the real server on this machine and go through the client [in-process]."""
    endpoint: str | None = None
    """A server of this bundle that runs already, such as tcp://127.0.0.1:5555."""
    keys: str | None = None
    """Folder of `vgf-robot keygen` with the key that the server at --endpoint lists [none]."""
    server_key: str | None = None
    """File with that server's public key [server.public in that folder]."""
    backend: str | None = None
    """What runs the graphs, with a precision where it ends in one (openvino-cpu:bfloat16), or `auto`: the fastest here
    [onnxruntime-cpu]."""
    threads: int | None = None
    """Threads of the backend [1]."""
    workers: int | None = None
    """Processes that share the episodes; in process, in lock-step or charged by a profile [1]."""
    min_success: float | None = None
    """Exit code 1 unless the row `tuned`, with a deadline `adaptive` (every row of a sweep without it), reaches this
    success rate."""
    min_return: float | None = None
    """Exit code 1 unless it reaches this mean return."""
    max_miss_rate: float | None = None
    """Exit code 1 if it passes this miss rate."""
    out: Path | None = None
    """Folder of a suite's episodes; a suite that is there goes on [out/ and the suite's name]."""
    report: Path | None = None
    """Write what a suite found as one HTML file, such as out/report.html; see `vgf-robot report`."""
    ray_address: str | None = None
    """Run a suite's episodes on a Ray cluster: `local` starts one here, `auto` finds the one that this machine belongs
    to, or an address such as 10.0.0.1:6379; --workers are then its processes [one per processor]."""
    json: Path | None = None
    """Where to write the result as JSON."""


def main(argv: Sequence[str]) -> int:
    """Evaluate, write the JSON, print the table and judge the limits; the exit code is 0 if nothing raised."""
    options = parse(Options, argv, "eval", _EXAMPLE)
    if is_suite(options.bundle):
        allowed = ("bundle", "out", "workers", "json", "ray_address", "report")
        _require_only(options, allowed, "A suite's file says it all: {} stands there")
        return _evaluate_suite(options)
    others = tuple(name for name in dataclasses.asdict(options) if name not in ("out", "ray_address", "report"))
    _require_only(options, others, "{} goes with a suite's file, and this is a bundle; it has --json")
    plan = resolve_plan(options)
    bundle = Bundle.load(options.bundle)
    require_judgeable(plan, plan.environment or bundle.manifest.environment, knows_success)
    if plan.record_profile is not None:
        require_writable(Path(plan.record_profile))
    try:
        evaluation = evaluate(bundle, plan)
    except EvaluationInterrupted as interrupt:
        if interrupt.evaluation.rows:
            _publish(interrupt.evaluation, options.json)
        raise
    _publish(evaluation, options.json)
    require_limits(evaluation.rows, plan)
    return 0


def _evaluate_suite(options: Options) -> int:
    user_gl = os.environ.get("MUJOCO_GL")  # opening a plant that never draws changes it
    if options.report is not None:
        require_page(options.report, "--report")
    from sim.suite.command import evaluate_suite  # Arrow takes half a second to load

    return evaluate_suite(
        Path(options.bundle),
        options.out,
        options.workers,
        options.json,
        ray_address=options.ray_address,
        report=None if options.report is None else partial(_report, out=options.report, user_gl=user_gl),
    )


def _report(folder: Path, out: Path, user_gl: str | None) -> None:
    from sim.report import Wishes, write_report

    write_report([folder], [], Wishes(out=out, when=datetime.now().astimezone(), user_gl=user_gl))
    print(f"{out} is the report.")


def resolve_plan(options: Options) -> Plan:
    """Return the plan: defaults, then the configuration file, then what was given on the command line.

    Raises:
        ConfigError: A value that is not what it should be; the sentence names it.
    """
    plan = Plan() if options.config is None else load(options.config, Plan)
    given = dataclasses.asdict(options)
    changes: dict[tuple[str, ...], Any] = {}
    for name in Plan.__struct_fields__:
        if given.get(name) is not None:  # faults are in the configuration alone
            read = _LISTS.get(name)
            changes[(name,)] = given[name] if read is None else [read(name, part) for part in given[name].split(",")]
    return replace(plan, changes, "the command line")


def _require_only(options: Options, allowed: Sequence[str], complaint: str) -> None:
    given = [name for name, value in dataclasses.asdict(options).items() if value is not None and name not in allowed]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ConfigError(f"{complaint.format(names)}; leave it out of the command line.")


def _publish(evaluation: Evaluation, path: Path | None) -> None:
    """Write the JSON first: whatever goes wrong with a table, hours of episodes are not lost by it."""
    if path is not None:
        write_json(path, "eval", settings_of(evaluation), finite(evaluation.rows))
    name, plan = evaluation.bundle.manifest.name, evaluation.plan
    title = f"{name} in {evaluation.environment}, {plan.clock}: {plan.episodes} episodes each, seed {plan.seed}"
    print_table(title, *for_terminal(table(evaluation.rows)))
    for note in notes(evaluation):
        print(note)


def _whole(name: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise ConfigError(f"--{name.replace('_', '-')}: expected whole numbers such as 1,4,10, found '{text}'.")
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"--{name.replace('_', '-')}: expected numbers such as 0.01,0.05, found '{text}'.") from error


def _word(_: str, text: str) -> str:
    return text.strip()


_LISTS = {"num_particles": _whole, "steps": _whole, "step_size": _number, "min_gain": _number, "selection": _word}
