"""`vgf-robot serve`: a bundle behind a ZeroMQ socket."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import tyro

from vgf_robot import config, results, verbs
from vgf_robot.commands.operator import listening_to_operators
from vgf_robot.commands.profiled import on_profile
from vgf_robot.commands.signals import reloaded_by_signal, stopped_by_signals
from vgf_robot.commands.speech import LogFormat, say, speak
from vgf_robot.commands.spoken import controller_spoken, realtime_spoken
from vgf_robot.commands.supervisor import Supervisor
from vgf_robot.commands.telling import announce
from vgf_robot.control.controlled_server import ControlledServer
from vgf_robot.realtime import RealTimeSettings, enter
from vgf_robot.receipts import resolve_backend
from vgf_robot.security import Guard, ServerKeys
from vgf_robot.telemetry import EventKind, Publisher, ServeTelemetry
from vgf_robot.wire.endpoint import check_bind, reaches_beyond_this_machine
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.server import Server
from vgf_robot.wire.settings import ServeSettings

# With keys: a server of one robot has operators, recorders and monitors, too.
FEWEST_CONNECTIONS = 64
EXAMPLE = "vgf-robot serve cube-single-play --bind tcp://127.0.0.1:5555"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says; None leaves the configuration's value."""

    bundle: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BUNDLE")]
    """Folder of a bundle, or the name of a shipped one."""
    config: Path | None = None
    """YAML file such as configs/serve/loopback.yaml; the options below go before it."""
    bind: str | None = None
    """tcp://127.0.0.1:PORT ('*' takes a free port) or ipc://PATH; default tcp://127.0.0.1:5555."""
    insecure: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Accept a bind that other machines can reach: without keys, anyone there can command the robot."""
    keys: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of `vgf-robot keygen` with clients.yaml: whoever connects has to have a key; default none."""
    control: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Listen to `vgf-robot control` and the sliders of `vgf-robot monitor` there, such as ipc:///tmp/control.sock;
    default nowhere."""
    telemetry: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Tell every tick there, such as tcp://127.0.0.1:5558, for `vgf-robot record` and `vgf-robot monitor`; default
    nowhere."""
    backend: str | None = None
    """What runs the graphs, with a precision where it ends in one (openvino-cpu:bfloat16), or `auto`: the fastest here,
    within its receipt; default onnxruntime-cpu."""
    threads: int | None = None
    """Threads of the backend; default 1."""
    profile: Annotated[str | None, tyro.conf.arg(metavar="PATH")] = None
    """Device profile of `vgf-robot tune --out`: its working point may lower the bundle's setting, and its backend and
    threads are taken unless they are given here."""
    deadline_share: float | None = None
    """Share of the control period for an observation that names no deadline; default 0.9."""
    miss_rate: float | None = None
    """Share of the ticks that may miss their deadline because of their transport steps; default 0.005."""
    report_every_s: float | None = None
    """Seconds between the lines of counters; default 30."""
    fifo: Annotated[int | None, tyro.conf.arg(metavar="PRIORITY")] = None
    """Run under SCHED_FIFO at this priority, 1 to 98, and the network's threads at one more; without it, at an ordinary
    priority. `vgf-robot doctor` says whether this is permitted, docs/realtime.md what it is good for."""
    cores: Annotated[str | None, tyro.conf.arg(metavar="LIST")] = None
    """Run on these cores alone, such as 1,2 or 2-5."""
    lock_memory: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep all memory of the server in RAM."""
    log_format: LogFormat = "text"
    """What is said here while it runs: lines for people, or an object of JSON a line."""
    json: Path | None = None
    """Write settings and counters there at the end."""


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM (0) or Ctrl-C (130), finishing the tick in flight; SIGHUP has the bundle read again."""
    options = verbs.parse(Options, argv, "serve", EXAMPLE)
    speak(options.log_format)
    settings = on_profile(resolve_settings(options), options.bundle, options.backend, options.threads)
    guard = None
    if settings.keys is not None:
        keys, told = ServerKeys.load(settings.keys), partial(say, event="rights")
        guard = Guard(keys, max_connections=max(FEWEST_CONNECTIONS, 4 * settings.max_clients), tell=told)
    check = partial(check_bind, insecure=settings.insecure, keys=guard is not None)
    endpoint = check(settings.bind)
    control = None if settings.control is None else check(settings.control)
    telemetry = None if settings.telemetry is None else check(settings.telemetry)
    backend = resolve_backend(settings.backend, options.bundle, settings.threads, partial(say, event="backend"))
    settings = msgspec.structs.replace(settings, backend=backend)
    policy = ServedBundle.open(options.bundle, settings)
    # The graphs and their threads are there, the socket and its threads are not.
    in_force = enter(settings.realtime)
    supervisor = Supervisor(os.environ)
    began_ns = time.monotonic_ns()
    with (
        ServeTelemetry(Publisher(telemetry, guard=guard), settings) as telling,
        Server(
            policy,
            settings,
            endpoint=endpoint,
            guard=guard,
            tell=telling.told(EventKind.RELOADED, partial(say, event="reload")),
            on_reply=telling.replied,
            on_reload=supervisor.reloading,
        ) as server,
        stopped_by_signals(server.stop) as received,
        reloaded_by_signal(server.reload, server.stop),
        listening_to_operators(
            ControlledServer(server), control, guard, telling.told(EventKind.CONTROL, partial(say, event="control"))
        ) as attend,
    ):
        del policy  # the server's alone, so that its memory is free once another one has taken its place
        if guard is None and reaches_beyond_this_machine(endpoint):
            print(
                f"WARNING: {server.endpoint} has no keys: anyone who reaches it can command the robot and read what "
                "it sees. Make keys (`vgf-robot keygen`) and say --keys in place of --insecure (docs/security.md).",
                file=sys.stderr,
            )
        # Listening means ready: the controller is warm before the address exists.
        facts = {"bundle": server.facts.bundle, "bundle_sha256": server.facts.bundle_sha256}
        ready = f"ready: {server.facts.bundle} ({server.facts.bundle_sha256[:12]}) at {server.endpoint}"
        say(ready, "ready", endpoint=server.endpoint, **facts)
        if settings.realtime != RealTimeSettings():
            say(f"real time: {in_force}", "real_time")
        supervisor.ready(f"serving {server.facts.bundle} at {server.endpoint}")
        announce(telling.endpoint, keys=guard is not None)
        telling.event(EventKind.STARTED, f"{server.facts.bundle} ({server.facts.bundle_sha256[:12]})")
        report = _reporter(server, settings.report_every_s)

        def beat(now_ns: int) -> None:
            supervisor.beat(now_ns, reloading=server.reloading)
            telling.beat(now_ns, server)
            report(now_ns)

        server.run(beat, attend)
        supervisor.stopping()
        endpoint, counters = server.endpoint, server.counters
        telling.event(EventKind.STOPPED, _line(counters))
    served_s = (time.monotonic_ns() - began_ns) / 1e9
    say(f"served {served_s:.1f} s at {endpoint}: {_line(counters)}", "ended", counters=counters)
    if options.json is not None:
        shown = {"bundle": options.bundle, **msgspec.to_builtins(settings)}
        row = {"backend": settings.backend, "endpoint": endpoint, "served_s": served_s, **_row(counters)}
        results.write_json(options.json, "serve", shown, [row])
    return 130 if signal.SIGINT in received else 0


def resolve_settings(options: Options) -> ServeSettings:
    """Return the configuration with the command line's words in place of the file's.

    Raises:
        ConfigError: An unknown key, or a value that will not do.
    """
    base = ServeSettings() if options.config is None else config.load(options.config, ServeSettings)
    places = ("bind", "keys", "control", "telemetry")
    names = (*places, "profile", "backend", "threads", "deadline_share", "report_every_s")
    named = {name: getattr(options, name) for name in names}
    spoken = {name: value for name, value in named.items() if value is not None}
    if options.insecure:
        spoken["insecure"] = True
    spoken["controller"] = controller_spoken(base.controller, options.miss_rate)
    spoken["realtime"] = realtime_spoken(
        base.realtime, fifo=options.fifo, cores=options.cores, lock_memory=options.lock_memory
    )
    return config.from_mapping({**msgspec.to_builtins(base), **spoken}, ServeSettings, "the command line")


def _reporter(server: Server, every_s: float | None) -> Callable[[int], None]:
    """Return what prints a line of counters now and then, and never waits for whoever reads it."""
    next_ns = time.monotonic_ns() + round((every_s or 0) * 1e9)

    def report(now_ns: int) -> None:
        nonlocal next_ns
        if every_s is None or now_ns < next_ns:
            return
        next_ns = now_ns + round(every_s * 1e9)
        say(_line(server.counters), "counters", counters=server.counters)

    return report


def _line(counters: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counters.items())) or "nothing received"


def _row(counters: dict[str, int]) -> dict[str, object]:
    """Return the counters under the names that every verb uses."""
    answered, missed = counters.get("answered", 0), counters.get("missed", 0)
    requests = missed + counters.get("in_time", 0)
    return {
        "answered": answered,
        "miss_rate": missed / requests if requests else None,
        "mean_steps": counters.get("steps", 0) / answered if answered else None,
        "counters": counters,
    }
