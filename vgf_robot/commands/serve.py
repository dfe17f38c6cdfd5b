"""`vgf-robot serve`: a bundle behind a ZeroMQ socket."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from vgf_robot import results, verbs
from vgf_robot.commands.loop_options import LoopOptions, lay_over
from vgf_robot.commands.operator import listening_to_operators
from vgf_robot.commands.profiled import on_profile
from vgf_robot.commands.signals import reloaded_by_signal, stopped_by_signals
from vgf_robot.commands.speech import say, speak
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
class Options(LoopOptions):
    """What the command line says; None leaves the configuration's value."""

    bind: str | None = None
    """tcp://127.0.0.1:PORT ('*' takes a free port) or ipc://PATH; default tcp://127.0.0.1:5555."""


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
    return lay_over(options, ServeSettings, ("bind",))


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
