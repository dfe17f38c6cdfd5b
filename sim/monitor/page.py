"""One page: the robot, the figures beside it, and the sliders of each who looks."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, final

import viser

from sim.monitor.flow import FlowMaker
from sim.monitor.hand import Hand
from sim.monitor.panel import Panel
from sim.monitor.sliders import Sliders
from sim.monitor.token import OneTimeToken
from sim.monitor.window import Window
from sim.plants import open_plant, require_fit
from vgf_robot.bundle import Bundle, shipped_names
from vgf_robot.errors import MachineError, VgfError
from vgf_robot.telemetry import TickRecord, array_of

if TYPE_CHECKING:
    from sim.monitor.stage import Stage

HOST = "127.0.0.1"
FIGURES_NS = 250_000_000
ROBOT_NS = 80_000_000


@final
class Page:
    """Shows a window to whoever looks; works only while somebody does.

    Args:
        port: Of the page on this machine; 0 for a free one.
        title: What is looked at.
        span_s: Seconds of the strip chart.
        bundle: Of the ticks; None takes a shipped one where the ticks are of it.
        environment: Of the scene, in place of the bundle's own; None for that.
        hand: On the controller; None for a page without sliders.
        announce: Called with each token.

    Attributes:
        url: Where it is.

    Raises:
        MachineError: The port is taken.
    """

    def __init__(
        self,
        *,
        port: int,
        title: str,
        span_s: float,
        bundle: Bundle | None = None,
        environment: str | None = None,
        hand: Hand | None = None,
        announce: Callable[[str], object] = print,
    ) -> None:
        logging.getLogger("websockets").setLevel(logging.ERROR)  # a browser that leaves is nothing to report
        with contextlib.redirect_stdout(io.StringIO()):  # its banner; the address is said elsewhere
            self._server = viser.ViserServer(host=HOST, port=_free(port), label="vgf-robot monitor", verbose=False)
        self._server.gui.configure_theme(control_layout="fixed", control_width="large", show_logo=False)
        self.url = f"http://{HOST}:{self._server.get_port()}"
        self._panel = Panel(self._server, title=title, span_s=span_s)
        self._environment = environment
        self._hand = hand
        self._sliders: dict[int, Sliders] = {}
        self._bundle: Bundle | None = None
        self._stage: Stage | None = None
        self._flow: FlowMaker | None = None
        self._scene_note = "no bundle yet: give one with --bundle for the scene and the particles"
        self._tried = ""
        self._next_figures_ns = self._next_robot_ns = 0
        if hand is not None:
            self._token = OneTimeToken(announce)
            self._server.on_client_connect(self._welcome)
            self._server.on_client_disconnect(self._part)
        if bundle is not None:
            self._take(bundle)

    @property
    def server(self) -> viser.ViserServer:
        """For more elements of the page."""
        return self._server

    def show(self, window: Window, now_ns: int, note: str = "") -> None:
        """Bring the page up to date as far as its time has come; call it often.

        Args:
            window: What was told of late.
            now_ns: Monotonic.
            note: What else is to be said, half a sentence.
        """
        tick = window.newest(self._panel.identity)
        if tick is not None and self._bundle is None:
            self._recognise(tick)
        if not self._server.get_clients():
            return
        if now_ns >= self._next_robot_ns:
            self._next_robot_ns = now_ns + ROBOT_NS
            self._show_robot(tick, window.newest_drawn(self._panel.identity))
        if now_ns >= self._next_figures_ns:
            self._next_figures_ns = now_ns + FIGURES_NS
            notes = [each for each in (note, f"scene: {self._scene_note}" if self._scene_note else "") if each]
            self._panel.show(window, "; ".join(notes))
            for sliders in list(self._sliders.values()):
                sliders.show()

    def close(self) -> None:
        """End the page."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._server.stop()

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _show_robot(self, tick: TickRecord | None, drawn: TickRecord | None) -> None:
        flow = None if self._flow is None or drawn is None else self._flow.flow(drawn)
        note = "" if self._flow is None else self._flow.note
        observation = None if tick is None or tick.observation is None else array_of(tick.observation)
        if self._stage is not None:
            self._stage.show(observation, flow)
            note = note or self._stage.flow_note
        if drawn is not None:
            self._panel.show_flow(flow, note)

    def _recognise(self, tick: TickRecord) -> None:
        """Take a shipped bundle where the ticks are of it; each is looked for once."""
        if tick.bundle_sha256 == self._tried:
            return
        self._tried = tick.bundle_sha256
        if tick.bundle in shipped_names():
            bundle = Bundle.load(tick.bundle)
            if bundle.sha256 == tick.bundle_sha256:
                self._take(bundle)

    def _take(self, bundle: Bundle) -> None:
        """Show the robot and the particles of a bundle."""
        self._bundle = bundle
        self._flow = FlowMaker(bundle)
        self._panel.describe(bundle.manifest)
        environment = self._environment or bundle.manifest.environment
        try:
            plant = open_plant(environment)
            require_fit(bundle.manifest, plant)
            from sim.monitor.stage import Stage  # here, as it imports MuJoCo, whose OpenGL `open_plant` has chosen

            self._stage = Stage(self._server, plant, bundle.manifest)
            self._scene_note = self._stage.note
        except VgfError as error:
            self._scene_note = f"none ({error})"
        except ModuleNotFoundError as error:
            self._scene_note = f"none (it needs the Python package '{error.name}': pip install -e '.[sim,monitor]')"

    def _welcome(self, client: viser.ClientHandle) -> None:
        if self._hand is not None:
            self._sliders[client.client_id] = Sliders(client, self._hand, self._token)

    def _part(self, client: viser.ClientHandle) -> None:
        self._sliders.pop(client.client_id, None)


def _free(port: int) -> int:
    """Return the port if nobody has it: the page's own server would quietly take the next one.

    Raises:
        MachineError: Somebody has.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise MachineError(f"Port {port} cannot be bound ({error.strerror}); give another --port.") from error
        return probe.getsockname()[1]
