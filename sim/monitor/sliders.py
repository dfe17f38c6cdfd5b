"""The sliders of one page: they read until that page has given the token."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import viser

from sim.monitor.hand import NAMES, Hand
from sim.monitor.token import OneTimeToken
from vgf_robot.bundle import OperatingPoint
from vgf_robot.control import State

_LABELS = {"max_steps": "steps at most", "step_size": "step size at most", "max_distance": "distance at most"}
_HINTS = {
    "max_steps": "A ceiling on transport steps; at its right end there is none.",
    "step_size": "A ceiling on the size of a step, in normalised action units; at its right end there is none.",
    "max_distance": "A ceiling on how far a particle is moved, likewise.",
}
_FINEST = 100


@final
class Sliders:
    """Belongs to one client of the page: what another one does changes nothing here.

    A page could claim anything, so it is asked on this side whether it may act, whatever is greyed out on that one.

    Args:
        client: The page.
        hand: On the controller.
        token: What lets a page act.
    """

    def __init__(self, client: viser.ClientHandle, hand: Hand, token: OneTimeToken) -> None:
        self._client = client
        self._hand = hand
        self._token = token
        self._unlocked = False
        self._sealed: OperatingPoint | None = None
        self._ends: dict[str, float] = {}
        self._sliders: dict[str, Any] = {}
        gui = client.gui
        self._folder = gui.add_folder("Ceilings", order=5)
        with self._folder:
            self._told = gui.add_markdown("waiting for the controller")
            self._word = gui.add_text(
                "token", "", hint="One-time token, printed at the terminal of `vgf-robot monitor`."
            )
            self._button = gui.add_button("unlock")
        self._button.on_click(lambda _: self._unlock())

    def show(self) -> None:
        """Bring the sliders up to what the controller says; called often."""
        state = self._hand.state
        if state is not None:
            if state.sealed != self._sealed:
                self._make(state)
            self._follow(state)
        self._told.content = self._words(state)

    def _words(self, state: State | None) -> str:
        if state is None:
            return self._hand.complaint or "waiting for the controller"
        point = state.point
        distance = "no limit" if point.max_distance is None else f"{point.max_distance:.3g}"
        used = f"**In force:** {point.max_steps} steps of {point.step_size:.3g}, distance {distance}."
        locked = "" if self._unlocked else " Locked: this page only reads."
        return f"{used}{locked} {self._hand.complaint}".strip()

    def _make(self, state: State) -> None:
        """Put sliders there that reach as far as the bundle that runs now."""
        sealed = self._sealed = state.sealed
        for slider in self._sliders.values():
            slider.remove()
        # No step of Adam's is longer in an entry than the step size; there are a few entries, each of a range of two.
        reach = 2 * min(2.0, sealed.max_steps * sealed.step_size)
        self._ends = {
            "max_steps": sealed.max_steps,
            "step_size": sealed.step_size,
            "max_distance": sealed.max_distance or max(reach, sealed.step_size),
        }
        with self._folder:
            self._sliders = {name: self._add(name, self._ends[name]) for name in NAMES}
        self._enable()

    def _add(self, name: str, end: float) -> Any:
        gui, is_count = self._client.gui, name == "max_steps"
        step = 1 if is_count else end / _FINEST
        slider = gui.add_slider(
            _LABELS[name],
            min=0 if is_count else step,
            max=max(end, 1) if is_count else end,
            step=step,
            initial_value=end,
            disabled=True,
            hint=_HINTS[name],
        )
        slider.on_update(lambda event: self._moved(name, slider.value) if event.client_id is not None else None)
        return slider

    def _moved(self, name: str, value: float) -> None:
        if not self._unlocked:
            return
        end = self._ends[name]
        plain = int(value) if name == "max_steps" else float(value)
        self._hand.want(name, None if plain >= end or np.isclose(plain, end) else plain)

    def _follow(self, state: State) -> None:
        """Move the sliders to what is in force, unless something else has been asked for meanwhile."""
        if self._hand.asking:
            return
        for name, slider in self._sliders.items():
            ceiling = getattr(state.ceilings, name)
            value = self._ends[name] if ceiling is None else min(ceiling, self._ends[name])
            if not np.isclose(slider.value, value):
                slider.value = int(value) if name == "max_steps" else float(value)

    def _unlock(self) -> None:
        if not self._token.spend(self._word.value):
            self._word.value = ""
            self._client.add_notification("Locked", "That is not the token at the terminal.", color="red")
            return
        self._unlocked = True
        self._word.visible = self._button.visible = False
        self._enable()

    def _enable(self) -> None:
        """Grey out what would do nothing: everything before the token, and all of it where no step is ever taken."""
        for slider in self._sliders.values():
            slider.disabled = not (self._unlocked and self._ends["max_steps"])
