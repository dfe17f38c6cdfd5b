"""`vgf-robot monitor`: a live page and metrics of a running robot, or a recording looked at again."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from sim.monitor.stopping import Stopping
from vgf_robot import results, verbs
from vgf_robot.bundle import Bundle
from vgf_robot.control import ControlClient
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.security import ClientKeys
from vgf_robot.telemetry import Subscriber

if TYPE_CHECKING:
    from sim.monitor.hand import Hand
    from sim.monitor.page import Page

_EXAMPLE = "vgf-robot monitor --telemetry tcp://127.0.0.1:5558 --control ipc:///tmp/control.sock"
# The page is not worth a robot's tick.
_NICENESS = 5
_FRAME_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    telemetry: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """What `serve` or `drive` was given as --telemetry; it may start later, and come back."""
    control: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """What it was given as --control: the page then has sliders, for whoever enters the token printed here."""
    keys: str | None = None
    """Folder of `vgf-robot keygen` with the key that `serve --keys` or `drive --keys` lists; default none."""
    server_key: str | None = None
    """File with their public key; default server.public in that folder."""
    recording: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH ...")] = ()
    """In place of --telemetry: files or folders of `vgf-robot record`, with a slider of time."""
    bundle: str | None = None
    """Folder of the bundle that runs, for the scene and the particles; default the shipped one of its name."""
    environment: str | None = None
    """Plant of the scene, such as Hopper-v5 or docs/examples/my-arm/arm.yaml; default the bundle's own."""
    port: int = 8080
    """Of the page on this machine, http://127.0.0.1:PORT; 0 takes a free one."""
    span_s: float = 10.0
    """Seconds of the figures and of the strip chart."""
    metrics_port: int | None = None
    """Offer Prometheus metrics at http://127.0.0.1:PORT/metrics; 0 takes a free one, default none."""
    no_page: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Metrics alone; needs neither viser nor MuJoCo."""
    json: Path | None = None
    """Write what was received there at the end."""


def main(argv: Sequence[str]) -> int:
    """Show what happens until SIGTERM (0) or Ctrl-C (130)."""
    options = verbs.parse(Options, argv, "monitor", _EXAMPLE)
    _require_sense(options)
    bundle = None if options.bundle is None else Bundle.load(options.bundle)
    os.nice(_NICENESS)
    try:
        return _replay(options, bundle) if options.recording else _watch(options, bundle)
    except ModuleNotFoundError as error:
        raise MachineError(
            f"The monitor needs the Python package '{error.name}', which is not installed; run "
            "`pip install -e '.[sim,monitor]'` in a clone of vgf-robot."
        ) from error


def _require_sense(options: Options) -> None:
    """Refuse options that do not go together.

    Raises:
        ConfigError: They do not.
    """
    if bool(options.recording) == (options.telemetry is not None):
        raise ConfigError("Expected either --telemetry ENDPOINT or --recording PATH; give one of them.")
    if options.recording and (options.control is not None or options.metrics_port is not None or options.no_page):
        raise ConfigError("--recording shows what was; leave out --control, --metrics-port and --no-page.")
    if options.no_page and options.metrics_port is None:
        raise ConfigError("--no-page leaves the metrics alone; give their --metrics-port.")
    if options.no_page and options.control is not None:
        raise ConfigError("--control is for the page's sliders; leave out --no-page, or use `vgf-robot control`.")
    if not 0.5 <= options.span_s <= 60:
        raise ConfigError(f"--span-s: expected 0.5 to 60 seconds, found {options.span_s:g}; give another number.")
    for name, port in (("--port", options.port), ("--metrics-port", options.metrics_port)):
        if port is not None and not 0 <= port < 2**16:
            raise ConfigError(f"{name}: expected 0 to 65535, found {port}; give another number.")


def _watch(options: Options, bundle: Bundle | None) -> int:
    """Look at a running controller."""
    from sim.monitor.hand import Hand
    from sim.monitor.live import Live
    from sim.monitor.metrics import Metrics
    from sim.monitor.window import Window

    window = Window(options.span_s)
    metrics = None if options.metrics_port is None else Metrics()
    endpoint = options.telemetry or ""
    keys = ClientKeys.spoken(options.keys, options.server_key)
    with Stopping() as stopping, ExitStack() as stack:
        subscriber = stack.enter_context(Subscriber(endpoint, keys=keys, tell=partial(print, flush=True)))
        live = Live(subscriber, window, metrics)
        if metrics is not None and options.metrics_port is not None:
            print(f"metrics at {stack.enter_context(metrics.serve(options.metrics_port)).url}", flush=True)
        page = None
        if not options.no_page:
            control = options.control
            hand = None if control is None else stack.enter_context(Hand(lambda: ControlClient(control, keys=keys)))
            page = _open_page(options, bundle, endpoint, hand, stack)
        while not stopping.asked:
            live.turn()
            if page is not None:
                page.show(window, time.monotonic_ns(), live.note())
        counters = dict(subscriber.counters)
    if options.json is not None:
        settings = {"telemetry": endpoint, "control": options.control, "span_s": options.span_s}
        results.write_json(options.json, "monitor", settings, [{"counters": counters}])
    return 130 if stopping.interrupted else 0


def _replay(options: Options, bundle: Bundle | None) -> int:
    """Look at a recording."""
    from sim.monitor.playback import Playback
    from vgf_robot.recording import Timeline

    timeline = Timeline(options.recording)
    title = ", ".join(path.name for path in options.recording)
    with Stopping() as stopping, ExitStack() as stack:
        page = _open_page(options, bundle, title, None, stack)
        playback = Playback(page.server, timeline, options.span_s)
        while not stopping.asked:
            now_ns = time.monotonic_ns()
            playback.advance(now_ns)
            page.show(playback.window, now_ns)
            time.sleep(_FRAME_S)
    if options.json is not None:
        row = {"begin_ns": timeline.begin_ns, "end_ns": timeline.end_ns}
        results.write_json(options.json, "monitor", {"recording": [str(path) for path in options.recording]}, [row])
    return 130 if stopping.interrupted else 0


def _open_page(options: Options, bundle: Bundle | None, title: str, hand: Hand | None, stack: ExitStack) -> Page:
    from sim.plants.rendering import prepare

    prepare(render=False)  # before anything imports MuJoCo
    from sim.monitor.page import Page

    page = stack.enter_context(
        Page(
            port=options.port,
            title=title,
            span_s=options.span_s,
            bundle=bundle,
            environment=options.environment,
            hand=hand,
            announce=lambda token: print(f"one-time token for the sliders: {token}", flush=True),
        )
    )
    print(f"page at {page.url}", flush=True)
    return page
