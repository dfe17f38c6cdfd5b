"""`vgf-robot drive`: newest observation in, one action out, every control period."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import msgspec
import tyro

from vgf_robot import results, verbs
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.commands.loop_options import LoopOptions, lay_over
from vgf_robot.commands.operator import listening_to_operators
from vgf_robot.commands.profiled import on_profile
from vgf_robot.commands.signals import reloaded_by_signal, stopped_by_signals
from vgf_robot.commands.speech import say, speak
from vgf_robot.commands.supervisor import Supervisor
from vgf_robot.commands.telling import announce
from vgf_robot.control.controlled_drive import ControlledDrive
from vgf_robot.controller import Controller
from vgf_robot.drive import Drive, DriveSettings, Ports, SocketPorts, open_ports
from vgf_robot.drive.settings import Release
from vgf_robot.engagement import Engagement, EngagementState
from vgf_robot.errors import ConfigError, LimitError
from vgf_robot.profile import at_working_point
from vgf_robot.realtime import RealTimeSettings, enter
from vgf_robot.receipts import resolve_backend, split_name
from vgf_robot.security import Guard, ServerKeys
from vgf_robot.telemetry import DriveTelemetry, EventKind, Publisher
from vgf_robot.wire.endpoint import check_bind, reaches_beyond_this_machine

EXAMPLE = "vgf-robot drive cube-single-play --plant --engage --seconds 10"
# A loop that waited for graphs to load would leave its robot without actions.
STAYS = "SIGHUP: the bundle stays, and the list of keys, if any, is read again; start the loop anew for another bundle"


@dataclass(frozen=True, kw_only=True)
class Options(LoopOptions):
    """What the command line says; None leaves the configuration's value."""

    observations: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Where the robot sends its observations: tcp://127.0.0.1:PORT ('*' takes a free port) or ipc://PATH; default
    tcp://127.0.0.1:5556."""
    commands: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Where the robot listens for commands, likewise; default tcp://127.0.0.1:5557."""
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


def main(argv: Sequence[str]) -> int:
    """Drive until SIGTERM or the time is over (0; 1 in a fault), or Ctrl-C (130); the period under way is finished."""
    options = verbs.parse(Options, argv, "drive", EXAMPLE)
    speak(options.log_format)
    settings = on_profile(resolve_settings(options), options.bundle, options.backend, options.threads)
    guard = None if settings.keys is None else Guard(ServerKeys.load(settings.keys), tell=partial(say, event="rights"))
    check = partial(check_bind, insecure=settings.insecure, keys=guard is not None)
    endpoints = _endpoints(options, settings, check)
    control = None if settings.control is None else check(settings.control)
    telemetry = None if settings.telemetry is None else check(settings.telemetry)
    bundle = Bundle.load(options.bundle)
    manifest = bundle.manifest
    num_periods = _num_periods(options.seconds, manifest)
    backend = resolve_backend(settings.backend, bundle, settings.threads, partial(say, event="backend"))
    settings = msgspec.structs.replace(settings, backend=backend)
    bundle = at_working_point(bundle, settings.profile, settings.deadline_share, split_name(backend)[1])
    manifest = bundle.manifest
    controller = Controller.open(
        bundle, backend=settings.backend, threads=settings.threads, settings=settings.controller
    )
    controller.prepare(settings.budget)
    # A simulator is loaded before the priority is raised, sockets and their threads are opened after.
    plant = open_ports("plant", manifest, seed=settings.seed, clock=time.monotonic_ns) if options.plant else None
    in_force = enter(settings.realtime)
    engagement = Engagement(manifest, settings.engagement)
    with (
        DriveTelemetry(Publisher(telemetry, guard=guard), bundle, settings) as telling,
        closing(plant or _open_sockets(manifest, settings, endpoints, guard, engagement)) as ports,
    ):
        drive = Drive(
            controller=controller,
            engagement=engagement,
            sensor=ports,
            actuator=ports,
            settings=settings,
            on_period=telling.drove,
        )
        supervisor = Supervisor(os.environ)
        hung_up: list[str] = []
        controlled = ControlledDrive(drive, bundle_sha256=bundle.sha256, counters=lambda: ports.counters)

        def told(text: str) -> None:
            say(text, "control")
            telling.event(EventKind.CONTROL, text)

        def reread() -> None:
            supervisor.reloading()
            hung_up.append(STAYS)
            if guard is not None:
                guard.rights.expire()

        with (
            listening_to_operators(controlled, control, guard, told) as attend,
            stopped_by_signals(drive.stop) as received,
            reloaded_by_signal(reread, drive.stop),
        ):
            facts = {"bundle": manifest.name, "bundle_sha256": bundle.sha256}
            ready = f"ready: {manifest.name} ({bundle.sha256[:12]}) {_place(manifest, ports)}{_plan(settings)}"
            say(ready, "ready", **facts)
            if settings.realtime != RealTimeSettings():
                say(f"real time: {in_force}", "real_time")
            supervisor.ready(f"driving {manifest.name}")
            report = _reporter(drive, ports, settings.report_every_s)
            announce(telling.endpoint, keys=guard is not None)
            telling.event(EventKind.STARTED, f"{manifest.name} ({bundle.sha256[:12]})")

            def after_period(now_ns: int) -> None:
                if guard is not None:
                    guard.turn(now_ns)
                attend()
                while hung_up:
                    told(hung_up.pop())
                supervisor.beat(now_ns)
                telling.beat(now_ns, drive, ports)
                report(now_ns)

            drive.run(num_periods, after_period)
            telling.event(EventKind.STOPPED, _line(drive, ports))
            supervisor.stopping()
    _finish(options, settings, drive, ports)
    if signal.SIGINT in received:
        return 130
    return LimitError.exit_code if engagement.state is EngagementState.FAULT else 0


def resolve_settings(options: Options) -> DriveSettings:
    """Return the configuration with the command line's words in place of the file's.

    Raises:
        ConfigError: An unknown key, or a value that will not do.
    """
    return lay_over(options, DriveSettings, ("observations", "commands", "release", "seed"), ("engage",))


def _endpoints(options: Options, settings: DriveSettings, check: Callable[[str], str]) -> list[str]:
    """Return where to listen and where to send, checked; nowhere for a plant."""
    if not options.plant:
        endpoints = [check(settings.observations), check(settings.commands)]
        if endpoints[0] == endpoints[1] and not endpoints[0].endswith("*"):
            raise ConfigError(f"observations and commands: expected two endpoints, found {endpoints[0]} for both.")
        return endpoints
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


def _open_sockets(
    manifest: Manifest, settings: DriveSettings, endpoints: Sequence[str], guard: Guard | None, engagement: Engagement
) -> SocketPorts:
    ports = SocketPorts(
        manifest,
        settings,
        observations=endpoints[0],
        commands=endpoints[1],
        guard=guard,
        follows=lambda: engagement.state.follows,
    )
    for endpoint in (ports.observations, ports.commands):
        if guard is None and reaches_beyond_this_machine(endpoint):
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
            state, reason = drive.engagement.state, drive.engagement.reason
            say(f"{state.value}: {reason}" if reason else state.value, "engagement", state=state.value)
        if every_ns and now_ns >= next_ns:
            next_ns = now_ns + every_ns
            say(_line(drive, ports), "counters", counters=_counters(drive, ports))

    return report


def _line(drive: Drive, ports: Ports) -> str:
    counters = _counters(drive, ports)
    shown = ", ".join(f"{name} {count}" for name, count in sorted(counters.items()) if count)
    return f"{drive.engagement.state.value}: {shown or 'nothing yet'}"


def _counters(drive: Drive, ports: Ports) -> dict[str, int]:
    return {**drive.tally.counters, **ports.counters}


def _finish(options: Options, settings: DriveSettings, drive: Drive, ports: Ports) -> None:
    """Say how it ended, and write the result."""
    say(f"ended {_line(drive, ports)}", "ended", counters=_counters(drive, ports))
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
