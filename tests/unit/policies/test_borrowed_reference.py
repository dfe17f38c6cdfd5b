"""A run that begins with another run's finished reference policy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from policies import checkpoint
from policies.commands import train
from policies.run_folder import RunFolder
from policies.training import Trainer
from tests.runs import write_config
from vgf_robot.errors import ConfigError, RunError


@pytest.fixture
def lender(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    config = write_config(tmp_path, reference={"hidden_sizes": [16, 16], "num_steps": 3, "num_updates": 7})
    assert train.main([str(config), "--out", str(tmp_path / "lender")]) == 0
    return tmp_path / "lender"


def begin(tmp_path: Path, lender: Path, out: str, *options: str) -> RunFolder:
    """Train a rival on the same data, with a configuration whose own reference would have 12 updates."""
    config = str(write_config(tmp_path))
    command = [config, "--method", "ifql", "--reference-from", str(lender), "--out", str(tmp_path / out)]
    assert train.main([*command, *options]) == 0
    return RunFolder.open(tmp_path / out)


def ogbench_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {key: file[key] for key in file}


def newest(run: RunFolder) -> dict[str, torch.Tensor]:
    return checkpoint.read(run.newest_checkpoint())[0]


def test_the_rival_has_it_and_says_whose_it_is(tmp_path: Path, lender: Path) -> None:
    run = begin(tmp_path, lender, "rival")
    theirs, ours = newest(RunFolder.open(lender)), newest(run)
    names = [name for name in theirs if name.startswith("models.reference.")]
    assert names
    assert all(torch.equal(theirs[name], ours[name]) for name in names)
    reference = run.config().reference
    assert (reference.taken_from, reference.num_updates) == (str(lender), 7)
    assert [path.stem for path in run.checkpoints()] == ["000000007", "000000012", "000000017", "000000021"]
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert {row["phase"] for row in rows} == {"critic"}
    models, _ = run.load_models(run.newest_checkpoint())
    assert models.value is not None


def test_it_goes_on_whether_killed_before_or_after_its_first_checkpoint(
    tmp_path: Path, lender: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = newest(begin(tmp_path, lender, "whole"))
    for moment in (1, 7):
        out, calls, original = f"killed-{moment}", [0], Trainer.update_critic

        def killed(trainer: Trainer, calls=calls, moment=moment, original=original) -> dict[str, torch.Tensor]:
            calls[0] += 1
            if calls[0] == moment:
                raise RuntimeError("killed")
            return original(trainer)

        monkeypatch.setattr(Trainer, "update_critic", killed)
        with pytest.raises(RuntimeError, match="killed"):
            begin(tmp_path, lender, out)
        monkeypatch.undo()
        resumed = newest(begin(tmp_path, lender, out, "--resume"))
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_once_begun_it_does_not_need_the_lender(tmp_path: Path, lender: Path) -> None:
    run = begin(tmp_path, lender, "rival", "--critic-updates", "6")
    shutil.rmtree(lender)
    assert train.main([str(tmp_path / "config.yaml"), "--out", str(run.path), "--critic-updates", "9", "--resume"]) == 0
    assert run.config().critic.num_updates == 9


def test_what_cannot_be_lent_is_refused(tmp_path: Path, lender: Path) -> None:
    with pytest.raises(ConfigError, match="--reference-from takes a finished reference policy, and"):
        begin(tmp_path, lender, "rival", "--reference-updates", "5")
    other = ["--reference-from", str(lender), "--out", str(tmp_path / "rival")]
    sizes = {"hidden_sizes": [8, 16], "num_steps": 3, "num_updates": 7}
    with pytest.raises(RunError, match=r"reference.hidden_sizes is \(16, 16\) there and \(8, 16\) here"):
        train.main([str(write_config(tmp_path, reference=sizes)), *other])
    config = str(write_config(tmp_path))
    scaled = write_config(
        tmp_path, data={"path": str(tmp_path / "data.npz"), "layout": "ogbench", "observation_scaling": "standard"}
    )
    with pytest.raises(RunError, match=r"data.observation_scaling is none there"):
        train.main([str(scaled), *other])
    config = str(write_config(tmp_path))
    facts = json.loads((lender / "dataset.json").read_text())
    (lender / "dataset.json").write_text(json.dumps({**facts, "transitions": 5}))
    with pytest.raises(RunError, match=r"its data are others \(transitions in dataset.json\)"):
        train.main([config, *other])
    (lender / "dataset.json").write_text(json.dumps(facts))
    swapped = ogbench_arrays(tmp_path / "data.npz")
    swapped["actions"][[3, 4]] = swapped["actions"][[4, 3]]
    np.savez(tmp_path / "data.npz", **swapped)
    with pytest.raises(RunError, match=r"its data are others \(rows_sha256 in dataset.json\)"):
        train.main([config, *other])
    write_config(tmp_path)
    for path in RunFolder.open(lender).checkpoints()[1:]:
        path.unlink()
    with pytest.raises(RunError, match="yet: it has had 5 of 7 updates"):
        train.main([config, *other])
    with pytest.raises(RunError, match="nowhere is no run folder"):
        train.main([config, "--reference-from", str(tmp_path / "nowhere"), "--out", str(tmp_path / "rival")])
    assert not (tmp_path / "rival").exists()
