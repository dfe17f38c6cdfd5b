from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sim.durations import Durations, save_durations
from sim.evaluation.device_profile import Compute, load_times, with_steps
from vgf_robot.errors import ConfigError, DatasetError

US = 1000
WHOLE = {"reference_ms": 1.0, "step_ms": 2.0, "select_ms": 0.5}


def write(folder: Path, content: object) -> Path:
    path = folder / "device.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def only(path: Path, slow_down: float = 1.0) -> Durations:
    ((_, durations),) = load_times(path, slow_down).entries
    return durations


def test_one_number_holds_for_every_tick(tmp_path: Path) -> None:
    found = only(write(tmp_path, {**WHOLE, "overhead_ms": [0.1, 0.2, 0.3], "device": "a board"}))
    assert found.num_ticks == 3
    assert found.late.tolist() == [100_000, 200_000, 300_000]
    assert found.reference.tolist() == [1_000_000] * 3
    assert found.step.tolist() == [[2_000_000]] * 3


def test_steps_have_a_number_each(tmp_path: Path) -> None:
    found = only(write(tmp_path, {**WHOLE, "step_ms": [[1, 2], [3, 4]]}), slow_down=2.0)
    assert found.step.tolist() == [[2_000_000, 4_000_000], [6_000_000, 8_000_000]]
    assert found.select.tolist() == [1_000_000] * 2


def test_a_recording_of_the_bench_is_a_profile(tmp_path: Path) -> None:
    ticks = np.arange(4, dtype=np.int64) * US
    durations = Durations(
        period_ns=8_000_000,
        deadline_ns=7_000_000,
        late=ticks,
        reference=ticks + US,
        step=np.stack([ticks, 2 * ticks], axis=1),
        select=3 * ticks,
    )
    path = tmp_path / "trace.npz"
    save_durations(path, durations)
    found = only(path)
    assert np.array_equal(found.late, durations.late)
    assert np.array_equal(found.step, durations.step)


def test_a_further_step_takes_as_long_as_the_last_one(tmp_path: Path) -> None:
    found = only(write(tmp_path, {**WHOLE, "step_ms": [[1, 2], [3, 4]]}))
    assert (with_steps(found, 4).step / 1e6).tolist() == [[1, 2, 2, 2], [3, 4, 4, 4]]
    assert with_steps(found, 0).step.shape == (2, 0)


def test_the_times_of_a_tick_are_those_that_agree_most(tmp_path: Path) -> None:
    entries = [
        {**WHOLE, "reference_ms": 1.0, "num_particles": 4, "backend": "a", "precision": "float32", "threads": 1},
        {**WHOLE, "reference_ms": 2.0, "num_particles": 4, "backend": "b", "precision": "float32", "threads": 1},
        {**WHOLE, "reference_ms": 3.0, "num_particles": 4, "backend": "a", "precision": "bfloat16", "threads": 2},
        {**WHOLE, "reference_ms": 4.0, "num_particles": 1, "reference_steps": 5},
    ]
    times = load_times(write(tmp_path, {"stages": entries}))

    def found(num_particles: int, steps: int, *compute: str | int) -> float:
        return float(times.of(num_particles, steps, Compute(*compute)).reference[0] / 1e6)  # type: ignore[arg-type]

    assert found(4, 2, "b", "float32", 1) == 2
    assert found(4, 2, "b", "bfloat16", 1) == 3
    assert found(4, 2, "c", "float32", 8) == 1
    assert found(1, 5, "c", "float16", 8) == 4
    with pytest.raises(ConfigError, match=r"no times for .* \(1, 6\)"):
        found(1, 6, "a", "float32", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ([1], "expected an object"),
        ({**WHOLE, "step": 1.0}, "did you mean 'step_ms'"),
        ({"reference_ms": 1.0, "select_ms": 1.0}, "step_ms"),
        ({**WHOLE, "reference_ms": "fast"}, "reference_ms"),
        ({**WHOLE, "schema_version": 2}, "expected schema_version 1, found 2; update"),
        ({"device": "a board"}, "has no times"),
        ({**WHOLE, "reference_ms": [1, 2], "select_ms": [1, 2, 3]}, "for every tick or one for all"),
        ({**WHOLE, "step_ms": [[1], [1, 2]]}, "as many step_ms"),
        ({**WHOLE, "select_ms": -1.0}, "no time below 0"),
        ({**WHOLE, "step_ms": [[]]}, "at least one tick with a step"),
        ({**WHOLE, "reference_ms": []}, "at least one tick"),
        ('{"reference_ms": NaN, "step_ms": 1, "select_ms": 1}', "is no JSON"),
    ],
)
def test_what_is_no_profile_is_one_sentence(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_times(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_a_damaged_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"trace\.npz"):
        load_times(path)
