from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
import pytest

from sim.evaluation import remote
from sim.evaluation.remote import ThroughServer
from tests.unit.sim.evaluation.fakes import make_command
from vgf_robot.controller import Budget, Rung, Timings
from vgf_robot.errors import ServerError
from vgf_robot.wire import Answer, ServerBusyError

OBSERVATION = np.zeros(3, np.float32)
TIMINGS = Timings(reference_ns=1, step_ns=(2, 3), select_ns=4, tick_ns=10)


class FakeClient:
    """Answers at once that the way took 20 ms; or says that nobody does."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.asked: list[dict[str, Any]] = []

    def begin_episode(self, seed: int) -> None:
        pass

    def act(self, observation: np.ndarray, **asked: Any) -> Answer:
        self.asked.append(asked)
        if self.silent:
            raise ServerBusyError("tcp://nowhere", 0.01, late=0)
        return Answer(
            command=msgspec.structs.replace(make_command(1, Rung.TRANSPORT), timings=TIMINGS),
            episode_tick=1,
            queue_ns=0,
            server_ns=1_000_000,
            round_trip_ns=21_000_000,
            received_ns=time.monotonic_ns(),
            valid_for_ns=1_000_000,
        )


def open_driver(client: FakeClient) -> ThroughServer:
    driver = ThroughServer(client, None)  # type: ignore[arg-type]
    driver.begin_episode(0)
    return driver


def test_the_way_is_kept_back_from_the_deadline_and_never_more_than_half_of_it() -> None:
    client = FakeClient()
    driver = open_driver(client)
    for left_s in (1000.0, 1000.0, 0.03):
        driver.act(OBSERVATION, Budget(), time.monotonic_ns() + round(left_s * 1e9))
    kept_back_s = [asked["timeout_s"] - asked["deadline_s"] for asked in client.asked]
    assert kept_back_s[:2] == pytest.approx([0, 0.02])
    assert kept_back_s[2] == pytest.approx(client.asked[2]["timeout_s"] / 2)


def test_lock_step_names_a_deadline_that_never_comes() -> None:
    client = FakeClient()
    answer = open_driver(client).act(OBSERVATION, Budget(), None)
    assert answer is not None
    assert (answer.round_trip_ns, answer.command.timings.step_ns) == (21_000_000, (2, 3))
    assert client.asked[0]["deadline_s"] == 3600


def test_a_silent_server_costs_periods_first_and_then_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = open_driver(FakeClient(silent=True))
    assert driver.act(OBSERVATION, Budget(), time.monotonic_ns() + 1_000_000) is None
    monkeypatch.setattr(remote, "_PATIENCE_NS", 0)
    with pytest.raises(ServerError, match="did not answer"):
        driver.act(OBSERVATION, Budget(), time.monotonic_ns() + 1_000_000)


def test_a_silent_server_ends_lock_step_at_once() -> None:
    with pytest.raises(ServerError, match="did not answer"):
        open_driver(FakeClient(silent=True)).act(OBSERVATION, Budget(), None)
