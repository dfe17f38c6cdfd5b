"""The sliders act for whoever has the token, whatever a page claims; the hand keeps up with a controller that goes."""

import threading
from types import SimpleNamespace

import pytest

from sim.monitor.hand import Hand
from sim.monitor.sliders import Sliders
from sim.monitor.token import OneTimeToken
from vgf_robot.bundle import OperatingPoint
from vgf_robot.control import NoControlError, State
from vgf_robot.controller import Ceilings

SEALED = OperatingPoint(num_particles=4, reference_steps=2, max_steps=4, step_size=0.3)
PATIENCE_S = 30.0


def state(ceilings=None, sealed=SEALED) -> State:
    ceilings = ceilings or Ceilings()
    return State(
        version=1,
        sequence=1,
        role="serve",
        bundle="tiny",
        bundle_sha256="ab" * 32,
        control_period_s=0.05,
        sealed=sealed,
        ceilings=ceilings,
        point=ceilings.lower(sealed),
        reference_ns=1,
        step_ns=1,
        select_ns=1,
        margin_ns=0.0,
        counters={},
        robots=(),
    )


class Element:
    """An element of a page, with what a browser does to it."""

    def __init__(self, value=None, **facts):
        self.value = value
        self.visible = True
        self.disabled = facts.get("disabled", False)
        self.facts = facts
        self.removed = False

    def on_click(self, callback):
        self.click = callback

    def on_update(self, callback):
        self.update = callback

    def remove(self):
        self.removed = True

    def drag(self, value):
        """Move it as a browser may, greyed out or not."""
        self.value = value
        self.update(SimpleNamespace(client_id=1))

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        return None


class Gui:
    def __init__(self):
        self.elements = {}

    def _add(self, label, element):
        self.elements[label] = element
        return element

    def add_folder(self, label, **facts):
        return self._add(label, Element())

    def add_markdown(self, content):
        return self._add("told", Element(content=content))

    def add_text(self, label, value, **facts):
        return self._add(label, Element(value))

    def add_button(self, label):
        return self._add(label, Element())

    def add_slider(self, label, *, initial_value, **facts):
        return self._add(label, Element(initial_value, **facts))


class Page:
    def __init__(self):
        self.told = []
        self.gui = Gui()
        self.hand = SimpleNamespace(
            state=state(), complaint="", asking=False, want=lambda *asked: self.wanted.append(asked)
        )
        self.wanted = []
        client = SimpleNamespace(gui=self.gui, add_notification=lambda *words, **facts: self.told.append(words))
        self.sliders = Sliders(client, self.hand, OneTimeToken(lambda _: None, lambda: "the word"))
        self.sliders.show()

    def __getitem__(self, label):
        return self.gui.elements[label]

    def unlock(self, word="the word"):
        self["token"].value = word
        self["unlock"].click(None)


@pytest.fixture
def page():
    return Page()


def test_before_the_token_a_page_only_reads_whatever_it_sends(page):
    assert all(page[label].disabled for label in ("steps at most", "step size at most", "distance at most"))
    page["steps at most"].drag(0)
    page.unlock("guess")
    page["steps at most"].drag(1)
    assert page.wanted == []
    assert page.told == [("Locked", "That is not the token at the terminal.")]
    assert "only reads" in page["told"].content


def test_after_it_the_sliders_ask_and_their_right_end_lifts_the_ceiling(page):
    page.unlock()
    page["steps at most"].drag(1)
    page["step size at most"].drag(0.15)
    page["distance at most"].drag(page["distance at most"].facts["max"])
    assert page.wanted == [("max_steps", 1), ("step_size", 0.15), ("max_distance", None)]


def test_the_sliders_follow_what_is_in_force_but_not_while_something_is_asked(page):
    page.hand.state = state(Ceilings(max_steps=2, max_distance=0.5))
    page.hand.asking = True
    page.sliders.show()
    assert page["steps at most"].value == 4
    page.hand.asking = False
    page.sliders.show()
    assert (page["steps at most"].value, page["distance at most"].value) == (2, 0.5)
    assert "2 steps of 0.3, distance 0.5" in page["told"].content


def test_another_bundle_has_other_ends(page):
    before = page["steps at most"]
    page.unlock()
    page.hand.state = state(sealed=OperatingPoint(num_particles=4, reference_steps=2, max_steps=9, step_size=0.1))
    page.sliders.show()
    assert before.removed
    assert (page["steps at most"].facts["max"], page["steps at most"].disabled) == (9, False)


def test_a_bundle_that_takes_no_step_has_nothing_to_lower():
    page = Page()
    page.hand.state = state(sealed=OperatingPoint(num_particles=4, reference_steps=2, max_steps=0, step_size=0.1))
    page.sliders.show()
    page.unlock()
    assert page["steps at most"].disabled


class Controller:
    """The other end of a hand: answers, or is away."""

    def __init__(self):
        self.away = False
        self.ceilings = Ceilings()
        self.asked = threading.Semaphore(0)

    def state(self):
        return self.set_ceilings()

    def set_ceilings(self, **named):
        self.asked.release()
        if self.away:
            raise NoControlError("ipc://nowhere", 0.1, connected=False)
        self.ceilings = Ceilings(**named) if named else self.ceilings
        return state(self.ceilings)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        return None


def test_the_hand_asks_and_keeps_nothing_for_a_controller_that_comes_back():
    controller = Controller()
    with Hand(lambda: controller) as hand:
        hand.want("max_steps", 1)
        while controller.ceilings.max_steps != 1:
            assert controller.asked.acquire(timeout=PATIENCE_S)
        controller.away = True
        while not hand.complaint:
            assert controller.asked.acquire(timeout=PATIENCE_S)
        hand.want("max_steps", 0)
        while hand.asking:
            assert controller.asked.acquire(timeout=PATIENCE_S)
        controller.away, controller.ceilings = False, Ceilings()
        while hand.complaint:
            assert controller.asked.acquire(timeout=PATIENCE_S)
        assert hand.state.ceilings == Ceilings()
