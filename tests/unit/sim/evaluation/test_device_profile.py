from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sim.evaluation.device_profile import load_profile
from vgf_robot.bench import Durations, save_durations
from vgf_robot.errors import ConfigError, DatasetError

US = 1000
WHOLE = {"reference_ms": 1.0, "step_ms": 2.0, "select_ms": 0.5}


def write(folder: Path, content: object) -> Path:
    path = folder / "device.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_one_number_holds_for_every_tick(tmp_path: Path) -> None:
    found = load_profile(write(tmp_path, {**WHOLE, "overhead_ms": [0.1, 0.2, 0.3], "device": "a board"}))
    assert found.num_ticks == 3
    assert found.overhead.tolist() == [100_000, 200_000, 300_000]
    assert found.reference.tolist() == [1_000_000] * 3
    assert found.step.tolist() == [[2_000_000]] * 3


def test_steps_have_a_number_each(tmp_path: Path) -> None:
    found = load_profile(write(tmp_path, {**WHOLE, "step_ms": [[1, 2], [3, 4]]}), slow_down=2.0)
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
    found = load_profile(path)
    assert np.array_equal(found.overhead, durations.late)
    assert np.array_equal(found.step, durations.step)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ([1], "expected an object"),
        ({**WHOLE, "step": 1.0}, "did you mean 'step_ms'"),
        ({"reference_ms": 1.0, "select_ms": 1.0}, "step_ms"),
        ({**WHOLE, "reference_ms": "fast"}, "reference_ms"),
        ({**WHOLE, "reference_ms": [1, 2], "select_ms": [1, 2, 3]}, "for every tick or one for all"),
        ({**WHOLE, "step_ms": [[1], [1, 2]]}, "as many step_ms"),
        ({**WHOLE, "select_ms": -1.0}, "no time below 0"),
        ({**WHOLE, "step_ms": [[]]}, "at least one tick with a step"),
        ({**WHOLE, "reference_ms": []}, "at least one tick"),
        ('{"reference_ms": NaN, "step_ms": 1, "select_ms": 1}', "finite"),
    ],
)
def test_what_is_no_profile_is_one_sentence(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_profile(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_a_damaged_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"trace\.npz"):
        load_profile(path)
