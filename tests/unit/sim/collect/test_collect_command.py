import json
import urllib.error

import pytest

from sim.collect.names import Split
from sim.commands.collect import main
from vgf_robot.errors import ConfigError, DatasetError, MachineError

MAZE = "pointmaze-medium-navigate-v0"
SMALL = ["--episodes", "2", "--episode-steps", "20", "--workers", "1"]


def test_collect_label_and_sum_up(tmp_path, capsys):
    arguments = [MAZE, *SMALL, "--out", str(tmp_path), "--task", "2", "--json", str(tmp_path / "summary.json")]
    assert main(arguments) == 0
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written["verb"] == "collect"
    assert written["settings"]["collection"]["seed"] == 0
    assert [row.get("task") for row in written["rows"]] == [None, None, *["pointmaze-medium-singletask-task2-v0"] * 2]
    assert [row["steps"] for row in written["rows"]] == [40, 20, 40, 20]
    assert "3 episodes made" in capsys.readouterr().out
    assert main([MAZE, "--out", str(tmp_path), "--task", "default"]) == 0
    assert "nothing was collected" in capsys.readouterr().out
    assert (tmp_path / "pointmaze-medium-navigate-singletask-v0-val.npz").exists()


def test_a_dataset_elsewhere_is_labelled_from_there(collected, tmp_path):
    before = sorted(collected.iterdir())
    assert main([MAZE, "--dataset-dir", str(collected), "--out", str(tmp_path), "--task", "1"]) == 0
    assert sorted(collected.iterdir()) == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cube-singel-play-v0"], "did you mean"),
        ([MAZE, "--task", "9"], "no task"),
        ([MAZE, "--workers", "0"], "--workers is 0"),
        ([MAZE, "--episodes", "0"], "--episodes is 0"),
        ([MAZE, "--official", "--dataset-dir", "x"], "leave out --dataset-dir"),
        ([MAZE, "--official", "--seed", "1"], "--seed is for collecting"),
        ([MAZE, "--dataset-dir", "x"], "say which --task"),
        ([MAZE, "--dataset-dir", "x", "--task", "1", "--noise", "1"], "--noise is for collecting"),
        (["antmaze-medium-stitch-v0"], "--official"),
    ],
)
def test_bad_input_is_a_sentence_and_writes_nothing(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refusal:
        main(arguments)
    assert says in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_the_dataset_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="does not hold"):
        main([MAZE, "--dataset-dir", str(tmp_path), "--out", str(tmp_path / "out"), "--task", "1"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("task", [[], ["--task", "1"]])
def test_a_truncated_dataset_is_refused_before_anything_is_written(collected, tmp_path, maze, task):
    for split in Split:
        (tmp_path / maze.file(split)).write_bytes((collected / maze.file(split)).read_bytes()[:-100])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DatasetError, match="cannot be read"):
        main([MAZE, "--out", str(tmp_path), *task])
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot be written"):
        main([MAZE, *SMALL, "--out", str(tmp_path / "file")])


def test_no_network_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def unreachable(url):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(MachineError, match="cannot be reached"):
        main([MAZE, "--official", "--out", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_that_the_server_lacks_is_a_sentence(tmp_path, monkeypatch):
    def missing(url):
        raise urllib.error.HTTPError(url, 404, "Not Found", None, None)

    monkeypatch.setattr("urllib.request.urlopen", missing)
    with pytest.raises(DatasetError, match="answers 404"):
        main([MAZE, "--official", "--out", str(tmp_path)])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # OGBench leaves its file open
def test_a_broken_download_leaves_no_half_file(tmp_path, monkeypatch):
    class Response:
        length = 100

        def __iter__(self):
            yield b"half"
            raise TimeoutError("timed out")

    monkeypatch.setattr("urllib.request.urlopen", lambda url: Response())
    with pytest.raises(MachineError, match="timed out"):
        main([MAZE, "--official", "--out", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
