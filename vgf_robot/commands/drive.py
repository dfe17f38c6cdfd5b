"""`vgf-robot drive`: newest observation in, one action out, every control period."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tyro

from vgf_robot import config, results, verbs
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.commands.signals import stopped_by_signals
from vgf_robot.commands.speech import say
from vgf_robot.commands.spoken import controller_spoken, realtime_spoken
from vgf_robot.controller import Controller
from vgf_robot.drive import Drive, DriveSettings, Ports, SocketPorts, open_ports
from vgf_robot.drive.settings import Release
from vgf_robot.engagement import Engagement, EngagementState
from vgf_robot.errors import ConfigError, LimitError
from vgf_robot.realtime import RealTimeSettings, enter
from vgf_robot.wire.endpoint import check_bind, reaches_beyond_this_machine

EXAMPLE = "vgf-robot drive cube-single-play --plant --engage --seconds 10"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says; None leaves the configuration's value."""

    bundle: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BUNDLE")]
    """Folder of a bundle, or the name of a shipped one."""
    config: Path | None = None
    """YAML file such as configs/drive/loopback.yaml; the options below go before it."""
    observations: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Where the robot sends its observations: tcp://127.0.0.1:PORT ('*' takes a free port) or ipc://PATH; default
    tcp://127.0.0.1:5556."""
    commands: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Where the robot listens for commands, likewise; default tcp://127.0.0.1:5557."""
    insecure: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Accept endpoints that other machines can reach: without keys, anyone there can command the robot."""
    plant: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Drive the bundle's own simulated environment, in this process and against the clock, in place of a robot."""
    engage: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Engage at the first observation: check the first action, then blend it in. Without it nothing is sent."""
    release: Release | None = None
    """Hand an action out when it is ready, or at its deadline; default when-ready."""
    seconds: float | None = None
    """End after this long; without it, at SIGTERM or Ctrl-C."""
    seed: int | None = None
    """Seed of the generator, and of the plant; default 0."""
    backend: str | None = None
    """What runs the graphs; default onnxruntime-cpu."""
    threads: int | None = None
    """Threads of the backend; default 1."""
    deadline_share: float | None = None
    """Share of the control period after which an action is late; default 0.9."""
    miss_rate: float | None = None
    """Share of the ticks that may miss their deadline because of their transport steps; default 0.005."""
    report_every_s: float | None = None
    """Seconds between the lines of counters; default 30."""
    fifo: Annotated[int | None, tyro.conf.arg(metavar="PRIORITY")] = None
    """Run under SCHED_FIFO at this priority, 1 to 98; the network's threads get one more. `vgf-robot doctor` says
    whether this is permitted, docs/realtime.md what it is good for."""
    cores: Annotated[str | None, tyro.conf.arg(metavar="LIST")] = None
    """Run on these cores alone, such as 1,2 or 2-5."""
    lock_memory: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep all memory of the process in RAM."""
    json: Path | None = None
    """Write settings, counters and latencies there at the end."""


def main(argv: Sequence[str]) -> int:
    """Drive until SIGTERM or the time is over (0; 1 in a fault), or Ctrl-C (130); the period under way is finished."""
    options = verbs.parse(Options, argv, "drive", EXAMPLE)
    settings = resolve_settings(options)
    endpoints = _endpoints(options, settings)
    bundle = Bundle.load(options.bundle)
    manifest = bundle.manifest
    num_periods = _num_periods(options.seconds, manifest)
    controller = Controller.open(
        bundle, backend=settings.backend, threads=settings.threads, settings=settings.controller
    )
    controller.prepare(settings.budget)
    # A simulator is loaded before the priority is raised, sockets and their threads are opened after.
    plant = open_ports("plant", manifest, seed=settings.seed, clock=time.monotonic_ns) if options.plant else None
    in_force = enter(settings.realtime)
    engagement = Engagement(manifest, settings.engagement)
    with closing(plant or _open_sockets(manifest, settings, endpoints)) as ports:
        drive = Drive(controller=controller, engagement=engagement, sensor=ports, actuator=ports, settings=settings)
        with stopped_by_signals(drive.stop) as received:
            say(f"ready: {manifest.name} ({bundle.sha256[:12]}) {_place(manifest, ports)}{_plan(settings)}")
            if settings.realtime != RealTimeSettings():
                say(f"real time: {in_force}")
            drive.run(num_periods, _reporter(drive, ports, settings.report_every_s))
    _finish(options, settings, drive, ports)
    if signal.SIGINT in received:
        return 130
    return LimitError.exit_code if engagement.state is EngagementState.FAULT else 0


def resolve_settings(options: Options) -> DriveSettings:
    """Return the configuration with the command line's words in place of the file's.

    Raises:
        ConfigError: An unknown key, or a value that will not do.
    """
    base = DriveSettings() if options.config is None else config.load(options.config, DriveSettings)
    names = ("observations", "commands", "release", "seed", "backend", "threads", "deadline_share", "report_every_s")
    spoken = {name: value for name in names if (value := getattr(options, name)) is not None}
    spoken |= {name: True for name in ("insecure", "engage") if getattr(options, name)}
    spoken["controller"] = controller_spoken(base.controller, options.miss_rate)
    spoken["realtime"] = realtime_spoken(
        base.realtime, fifo=options.fifo, cores=options.cores, lock_memory=options.lock_memory
    )
    return config.from_mapping({**msgspec.to_builtins(base), **spoken}, DriveSettings, "the command line")


def _endpoints(options: Options, settings: DriveSettings) -> list[str]:
    """Return where to listen and where to send, checked; nowhere for a plant."""
    if not options.plant:
        return [check_bind(each, insecure=settings.insecure) for each in (settings.observations, settings.commands)]
    if options.observations is not None or options.commands is not None:
        raise ConfigError(
            "--plant is driven in this process, without sockets; leave out --observations and --commands."
        )
    return []


def _num_periods(seconds: float | None, manifest: Manifest) -> int | None:
    if seconds is None:
        return None
    if not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError(f"--seconds: expected a positive number, found {seconds:g}; leave it out for no end.")
    return max(1, round(seconds / manifest.control_period_s))


def _open_sockets(manifest: Manifest, settings: DriveSettings, endpoints: Sequence[str]) -> SocketPorts:
    ports = SocketPorts(manifest, settings, observations=endpoints[0], commands=endpoints[1])
    for endpoint in (ports.observations, ports.commands):
        if reaches_beyond_this_machine(endpoint):
            print(f"WARNING: {endpoint} has no keys: anyone who reaches it can command the robot.", file=sys.stderr)
    return ports


def _place(manifest: Manifest, ports: Ports) -> str:
    if isinstance(ports, SocketPorts):
        return f"observations at {ports.observations} commands at {ports.commands}"
    return f"in {manifest.environment}"


def _plan(settings: DriveSettings) -> str:
    return "" if settings.engage else ", disengaged: nothing is sent (--engage)"


def _reporter(drive: Drive, ports: Ports, every_s: float | None) -> Callable[[int], None]:
    """Return what prints changes of state, and a line of counters now and then."""
    state = drive.engagement.state
    every_ns = round((every_s or 0) * 1e9)
    next_ns = time.monotonic_ns() + every_ns

    def report(now_ns: int) -> None:
        nonlocal state, next_ns
        if drive.engagement.state is not state:
            state = drive.engagement.state
            say(f"{state.value}: {drive.engagement.reason}" if drive.engagement.reason else state.value)
        if every_ns and now_ns >= next_ns:
            next_ns = now_ns + every_ns
            say(_line(drive, ports))

    return report


def _line(drive: Drive, ports: Ports) -> str:
    counters: Mapping[str, int] = {**drive.tally.counters, **ports.counters}
    shown = ", ".join(f"{name} {count}" for name, count in sorted(counters.items()) if count)
    return f"{drive.engagement.state.value}: {shown or 'nothing yet'}"


def _finish(options: Options, settings: DriveSettings, drive: Drive, ports: Ports) -> None:
    """Say how it ended, and write the result."""
    say(f"ended {_line(drive, ports)}")
    if options.json is None:
        return
    row: dict[str, Any] = {
        "backend": settings.backend,
        "deadline_ms": settings.deadline_share * drive.period_ns / 1e6,
        "release": settings.release,
        **drive.tally.row(),
        "state": drive.engagement.state,
        "reason": drive.engagement.reason,
        "counters": dict(ports.counters),
    }
    shown = {"bundle": options.bundle, "plant": options.plant, "seconds": options.seconds}
    results.write_json(options.json, "drive", {**shown, **msgspec.to_builtins(settings)}, [row])
