"""A suite runs every episode once, whatever ends it on the way and however many share the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest

from sim.faults import FaultSet
from sim.suite import run as suite_run
from sim.suite.cells import Cell, cells_of, keys_of
from sim.suite.consistency import require_consistent_suite
from sim.suite.parquet_file import SCHEMA, read_parquet
from sim.suite.run import EPISODES, IDENTITY, JOURNAL
from sim.suite.suite import load_suite
from sim.suite.work import EpisodeRunner
from tests.unit.sim.suite.suites import LATE, NOISE, Goal, make_suite, outcome, run
from vgf_robot.errors import BudgetError, ConfigError, DatasetError, MachineError, PlantError

ROOT = Path(__file__).parents[4]


def test_the_clear_plant_is_run_once_and_every_cell_grows_together(tmp_path: Path) -> None:
    suite = make_suite(tmp_path)
    cells = cells_of(suite)
    assert [cell[1:3] for cell in cells if cell.budget == "none"] == [
        *[("clear", 0), ("noise", 0.5), ("noise", 1), ("late", 0.5), ("late", 1)]
    ]
    keys = keys_of(suite)
    assert len(set(keys)) == len(keys) == len(cells) * 3
    assert [key.episode for key in keys[: len(cells)]] == [0] * len(cells)


def test_every_episode_is_a_row_with_its_seeds_and_settings(tmp_path: Path) -> None:
    suite, out = make_suite(tmp_path), tmp_path / "out"
    rows = run(suite, out)
    assert [(row["task"], row["scenario"], row["severity"], row["budget"]) for row in rows[:2]] == [
        ("tiny", "clear", 0, "none"),
        ("tiny", "clear", 0, "sealed"),
    ]
    assert all(list(row) == SCHEMA.names for row in rows)
    assert [row["max_steps"] for row in rows[:2]] == [0, 3]
    assert rows[0]["plant_seed"] == rows[1]["plant_seed"] != rows[10]["plant_seed"]
    assert read_parquet(out / EPISODES) == rows
    assert {row["num_periods"] for row in rows} == {5}
    assert rows[1]["return"] != rows[5]["return"]  # the noise is there


def test_workers_change_nothing(tmp_path: Path) -> None:
    alone = run(make_suite(tmp_path), tmp_path / "alone")
    shared = run(make_suite(tmp_path, workers=2), tmp_path / "shared")
    assert alone == shared


def test_an_interrupt_leaves_what_is_done_and_a_second_run_does_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, out = make_suite(tmp_path), tmp_path / "out"
    whole = run(suite, tmp_path / "whole")
    call, done = EpisodeRunner.__call__, []

    def counted(self: EpisodeRunner, key: object) -> object:
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(key)
        return call(self, key)  # type: ignore[arg-type]

    monkeypatch.setattr(EpisodeRunner, "__call__", counted)
    notes: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(suite, out, notes)
    assert notes.pop() == f"7 of 30 episodes are in {out}; the same command goes on from there."
    assert len(read_parquet(out / EPISODES)) == 7
    first = list(done)
    done.extend([None] * 1000)
    assert run(suite, out, notes) == whole
    assert notes == [f"7 of 30 episodes were in {out} already."]
    assert len(done) - 1000 == 30
    assert not set(first) & set(done[1007:])
    done.clear()
    assert run(suite, out) == whole
    assert done == []


KILLED = """
import sys
from pathlib import Path
from tests.unit.sim.suite.suites import make_suite, run

folder = Path(sys.argv[1])
if __name__ == "__main__":
    run(make_suite(folder, episodes=20, workers=2), folder / "out")
"""


def killed_after(folder: Path, num_bytes: int) -> bool:
    """Run the suite in a process of its own until its journal is so long, wherever that is in a line; then kill it."""
    script = folder / "killed.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    journal = folder / "out" / JOURNAL
    with subprocess.Popen([sys.executable, str(script), str(folder)], env=environment) as process:
        while process.poll() is None and not (journal.exists() and journal.stat().st_size >= num_bytes):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.kill()
    return process.returncode == -signal.SIGKILL


@pytest.mark.realtime
def test_a_suite_that_was_killed_goes_on_without_repeating_or_losing_an_episode(tmp_path: Path) -> None:
    suite, out = make_suite(tmp_path, episodes=20), tmp_path / "out"
    whole = run(suite, tmp_path / "whole")
    size = (tmp_path / "whole" / JOURNAL).stat().st_size
    shares = np.sort(np.random.default_rng().uniform(0.05, 0.6, 2))  # of the journal: another place every time
    killed = [killed_after(tmp_path, int(share * size)) for share in shares]
    assert all(killed), f"A suite came to its end before it was killed at {shares} of its journal."
    there = (out / JOURNAL).read_text()
    with (out / JOURNAL).open("a") as journal:
        journal.write('{"task": "ti')  # what a kill in the middle of a write would leave
    notes: list[str] = []
    assert run(suite, out, notes) == whole
    assert notes == [f"{there.count(chr(10))} of 200 episodes were in {out} already."]
    lines = (out / JOURNAL).read_text().splitlines()
    names = ("scenario", "severity", "budget", "episode")
    assert len({tuple(json.loads(line)[name] for name in names) for line in lines}) == len(lines) == 200


def test_what_judges_may_change_and_what_decides_may_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = run(make_suite(tmp_path), out)
    assert run(make_suite(tmp_path, workers=2, baseline=None, limits=[{"max_miss_rate": 1.0}]), out) == rows
    for change in ({"seed": 7}, {"episodes": 4}, {"scenarios": [NOISE]}):
        with pytest.raises(ConfigError, match=f"holds another suite: it differs in {next(iter(change))}"):
            run(make_suite(tmp_path, **change), out)
    (tmp_path / "device.json").write_text('{"reference_ms": 1, "step_ms": 1, "select_ms": 1}')
    with pytest.raises(ConfigError, match="differs in sha256"):
        run(make_suite(tmp_path), out)


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    suite, out = make_suite(tmp_path), tmp_path / "out"
    run(suite, out)
    with suite_run.open_journal(out / JOURNAL), pytest.raises(MachineError, match="another process is at work"):
        run(suite, out)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (JOURNAL, '{"task": 1\n{}\n', "line 1 is damaged"),
        (JOURNAL, "{}\n", "line 1 is damaged"),
        (IDENTITY, "{", "is damaged"),
        (EPISODES, "nothing", "cannot be read"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, name: str, content: str, message: str) -> None:
    suite, out = make_suite(tmp_path, episodes=1), tmp_path / "out"
    run(suite, out)
    (out / name).write_text(content)
    with pytest.raises(DatasetError, match=message) as caught:
        run(suite, out)
    assert "\n" not in str(caught.value)


def test_in_lock_step_outcomes_are_the_same_with_any_number_of_workers(tmp_path: Path) -> None:
    changes = {"clock": None, "profile": None}
    alone = run(make_suite(tmp_path, **changes), tmp_path / "alone")
    shared = run(make_suite(tmp_path, workers=2, **changes), tmp_path / "shared")
    assert outcome(alone) == outcome(shared)
    assert alone[0]["deadline_ms"] is None
    assert alone[0]["tick_ms_p50"] > 0


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"budgets": [{"name": "none", "max_steps": 99}]}, BudgetError, "max_steps: expected 0 to 3"),
        ({"scenarios": [{"name": "heavy", "faults": {"mass": {"factor": 2}}}]}, PlantError, "has no MuJoCo model"),
        ({"scenarios": [{"name": "odd", "faults": {}}]}, ConfigError, "'odd' has no fault"),
        ({"scenarios": [LATE, LATE]}, ConfigError, "found 'late' more than once"),
        ({"scenarios": [{**LATE, "name": "clear"}]}, ConfigError, "found 'clear' more than once"),
        ({"baseline": "nothing"}, ConfigError, "'nothing' is no budget; known are: none, sealed"),
        ({"clock": "real-time", "profile": None, "workers": 2}, ConfigError, "Workers disturb"),
        ({"clock": None}, ConfigError, "A profile is charged"),
        ({"limits": [{"budget": "sealed"}]}, ConfigError, "Limit 1 asks for nothing"),
        ({"limits": [{"budget": "seald", "min_success": 1}]}, ConfigError, "did you mean 'sealed'"),
        ({"limits": [{"scenario": "noise", "severity": 0, "min_success": 1}]}, ConfigError, "is about no cell"),
        ({"limits": [{"max_drop": 0.1}], "severities": [1.0]}, ConfigError, "add 0 to the severities"),
        ({"limits": [{"min_success": 0.5}, {"min_success": 0.9}]}, ConfigError, "0.9 contradicts 0.5"),
        ({"limits": [{"min_return": float("nan")}]}, ConfigError, r"limits\[0\].min_return: expected a finite number"),
        ({"budgets": [{"name": "none", "deadline_ms": 60}]}, ConfigError, "control period of 'tiny', 50 ms, found 60"),
        (
            {"clock": None, "profile": None, "budgets": [{"name": "none", "deadline_ms": 10}]},
            ConfigError,
            "'none' has a deadline, and a plant that waits knows none",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, changes: dict, error: type, message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        run(make_suite(tmp_path, **changes), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_budget_has_a_deadline_of_its_own(tmp_path: Path) -> None:
    budgets = [{"name": "short", "deadline_ms": 12}, {"name": "long", "deadline_ms": 50}, {"name": "usual"}]
    rows = run(make_suite(tmp_path, budgets=budgets, baseline=None, scenarios=None, severities=[0]), tmp_path / "out")
    short, long, usual = ([row for row in rows if row["budget"] == name] for name in ("short", "long", "usual"))
    assert {row["deadline_ms"] for row in short} == {12}
    assert {row["deadline_ms"] for row in usual} == {45}
    assert sum(row["num_steps"] for row in short) < sum(row["num_steps"] for row in long)


def test_a_limit_on_success_where_there_is_none_is_refused(tmp_path: Path) -> None:
    suite = make_suite(tmp_path, limits=[{"min_success": 0.5}])
    with pytest.raises(ConfigError, match="'tiny' gives returns and no success"):
        suite_run.run_suite(suite, tmp_path / "out", open_plant=Goal, knows_success=lambda _: False)


def test_the_suites_that_come_along_make_sense_and_grow_every_fault_there_is() -> None:
    paths = sorted((ROOT / "configs" / "eval" / "suites").glob("*.yaml"))
    suites = {path.stem: load_suite(path) for path in paths}
    for suite in suites.values():
        require_consistent_suite(suite)
    for name in ("hopper-severity", "cube-severity"):
        kinds = [list(msgspec.to_builtins(scenario.faults)) for scenario in suites[name].scenarios]
        assert kinds == [[kind] for kind in FaultSet.__struct_fields__]


def test_tasks_are_run_one_after_the_other(tmp_path: Path) -> None:
    tasks = [{"bundle": str(tmp_path / "bundle"), "name": name, "environment": name} for name in ("near", "far")]
    rows = run(make_suite(tmp_path, tasks=tasks, scenarios=None, severities=None), tmp_path / "out")
    assert [row["environment"] for row in rows] == ["near"] * 6 + ["far"] * 6
    assert outcome(rows)[0]["return"] == outcome(rows)[6]["return"]
    assert Cell("near", "clear", 0.0, "none") in cells_of(make_suite(tmp_path, tasks=tasks))
