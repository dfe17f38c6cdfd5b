"""The pictures of the concepts page show what its sentences say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import transport_pictures as pictures
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Rung, Status


@pytest.fixture(scope="module")
def hopper() -> Bundle:
    return Bundle.load("hopper-replay")


@pytest.fixture(scope="module")
def observation(hopper: Bundle) -> np.ndarray:
    return pictures.observations(hopper, seed=1, count=1, every=pictures.TICKS_BEFORE)[0]


def moved(bundle: Bundle, observation: np.ndarray, max_distance: float) -> pictures.Paths:
    noise = np.random.default_rng(1).standard_normal((10, 3), np.float32)
    graphs = pictures.open_graphs(bundle, 10)
    return pictures.transported(graphs, observation, noise, num_steps=4, step_size=0.3, max_distance=max_distance)


def test_steps_climb(hopper, observation):
    best = moved(hopper, observation, math.inf).values.max(axis=1)
    assert (np.diff(best) > 0).all()


@pytest.mark.parametrize("limit", [0.3, 0.6])
def test_no_particle_goes_beyond_the_limit(hopper, observation, limit):
    displacement = moved(hopper, observation, limit).displacement
    assert displacement.max() <= limit * (1 + 1e-5)
    assert displacement.max() > 0.9 * limit


def test_less_time_gives_fewer_steps_and_then_a_lower_rung(hopper, observation):
    commands = pictures.ticks_before(hopper, observation, pictures.DEADLINES_MS)
    assert [command.steps for command in commands] == [4, 3, 2, 1, 0, 0, 0]
    assert [command.rung for command in commands[-3:]] == [Rung.REFERENCE, Rung.RESCORED, Rung.SAFE]
    assert [command.status for command in commands[:2]] == [Status.ON_TIME, Status.TRUNCATED]


def test_what_is_drawn_is_what_was_charged(hopper, observation):
    (command,) = pictures.ticks_before(hopper, observation, [4.8])
    stages = [("reference", 1.2), ("step", 1.2), ("step", 1.2), ("select", 0.5)]
    assert pictures.stages_ms(command) == stages[: len(command.timings.step_ns) + 1] + stages[-1:]
