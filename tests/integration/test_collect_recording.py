"""Recordings to datasets that training reads, through the verb."""

import json

import numpy as np
import pytest

from policies.datasets import d4rl, minari, ogbench
from tests.ticks import make_tick, stamp, vector
from vgf_robot import verbs
from vgf_robot.errors import DatasetError
from vgf_robot.recording.form import to_json
from vgf_robot.recording.mcap_file import Entry, McapFile

LENGTHS = (5, 3)


@pytest.fixture
def folder(tmp_path):
    """Two episodes, and one tick that nobody was sent."""
    file = McapFile(tmp_path / "recording-1.mcap")
    ticks = [
        make_tick(tick, seed=seed, sent=vector(0.5, seed))
        for seed, length in enumerate(LENGTHS)
        for tick in range(length)
    ]
    for number, tick in enumerate([*ticks, make_tick(9, seed=1, sent=None)]):
        topic, content = to_json(stamp(tick, number))
        file.add(Entry(topic=topic, wall_ns=number, number=number, content=content))
    file.finish()
    return tmp_path


def collect(folder, out, *options: str) -> int:
    return verbs.main(["collect", "--from-recording", str(folder), "--out", str(out), *options])


LAYOUTS = {
    "ogbench": ("data.npz", (), ogbench.load),
    "d4rl": ("data.hdf5", (), d4rl.load),
    "minari": ("data", ("--layout", "minari"), minari.load),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_training_reads_what_the_robot_saw_and_was_sent(folder, layout, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    name, options, load = LAYOUTS[layout]
    results = folder / "collect.json"
    assert collect(folder, name, "--reward", "-1", "--json", str(results), *options) == 0
    transitions = load(folder / name)
    assert transitions.num_episodes == 2
    assert transitions.observations[:, 2].tolist() == [0, 1, 2, 3, 0, 1]
    assert transitions.next_observations[:, 2].tolist() == [1, 2, 3, 4, 1, 2]
    assert np.unique(transitions.actions.numpy(), axis=0).tolist() == [[0.5, 0], [0.5, 1]]
    assert (transitions.rewards == -1).all()
    assert (transitions.masks == 1).all()
    (row,) = json.loads(results.read_text())["rows"]
    assert (row["ticks"], row["episodes"], row["steps"], row["transitions"], row["unsent"]) == (9, 2, 8, 6, 1)


def test_without_a_reward_training_refuses_it_until_there_are_some(folder, capsys):
    out = folder / "data.npz"
    assert collect(folder, out) == 0
    assert "No rewards are in it" in capsys.readouterr().out
    with pytest.raises(DatasetError, match="rewards"):
        ogbench.load(out)
    arrays = dict(np.load(out))
    rows = len(arrays["terminals"])
    np.savez(out, **arrays, rewards=np.zeros(rows, np.float32), masks=np.ones(rows, np.float32))
    assert len(ogbench.load(out).rewards) == 6


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--out", "data"], "expected a name ending in .npz"),
        (["--out", "data.hdf5"], "a recording has none"),
        (["--out", "data.npz", "--reward", "nan"], "expected a finite number"),
        (["--out", "data.npz", "--task", "default"], "leave out --task"),
        (["cube-single-play-v0", "--out", "data.npz"], "leave out cube-single-play-v0"),
    ],
)
def test_what_cannot_be_is_refused(folder, monkeypatch, capsys, arguments, found):
    monkeypatch.chdir(folder)
    assert verbs.main(["collect", "--from-recording", str(folder), *arguments]) == 2
    assert found in capsys.readouterr().err
    assert not list(folder.glob("data*"))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "Expected the name of a dataset"),
        (["cube-single-play-v0", "--reward", "1"], "--reward is for recordings"),
        (["cube-single-play-v0", "--layout", "d4rl"], "--layout is for recordings"),
    ],
)
def test_options_of_recordings_need_one(capsys, arguments, found):
    assert verbs.main(["collect", *arguments]) == 2
    assert found in capsys.readouterr().err
