"""A reference policy in one pass learns the flow's particles, and is kept beside the run that it belongs to."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from policies.commands import distil, train
from policies.reference import FlowReference, Midpoint, agreement
from policies.run_folder import RunFolder
from policies.student_file import NAME, fingerprint, read_student
from tests.runs import write_config
from vgf_robot.errors import ConfigError, RunError

QUICK = {"hidden_sizes": [16, 16], "num_steps": 3, "num_updates": 12, "learning_rate": 0.01}
GAUSSIAN = {"kind": "gaussian", "hidden_sizes": [8], "num_steps": 1, "num_updates": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("run")
    torch.set_num_threads(1)
    train.main([str(write_config(folder, reference=QUICK, batch_size=64)), "--out", str(folder / "run")])
    return RunFolder.open(folder / "run")


@pytest.fixture(scope="module")
def distilled(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, dict]:
    """Return a copy of the run with its one-step network, and what the verb wrote of it."""
    folder = tmp_path_factory.mktemp("distilled")
    shutil.copytree(run.path, folder / "run")
    arguments = [str(folder / "run"), "--updates", "250", "--json", str(folder / "out.json")]
    assert distil.main(arguments) == 0
    return RunFolder.open(folder / "run"), json.loads((folder / "out.json").read_text())["rows"][0]


def flow_of(run: RunFolder) -> FlowReference:
    flow = run.load_models(run.newest_checkpoint())[0].reference
    assert isinstance(flow, FlowReference)
    return flow


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(50, 4, generator=generator), torch.randn(50, 6, 2, generator=generator)


@torch.no_grad()
def test_the_network_draws_what_the_flow_makes_of_the_same_noise(distilled: tuple[RunFolder, dict]) -> None:
    run, row = distilled
    flow, (observations, noise) = flow_of(run), inputs()
    student, facts = read_student(run, flow)
    found = agreement(student(observations, noise, 1), flow(observations, noise, 3))
    assert found.median < 0.3 * found.apart
    assert row["median"] < 0.3 * row["apart"]
    assert row["median"] <= row["p99"]
    assert (facts["updates"], facts["num_steps"]) == ("250", "3")


def test_the_same_seed_makes_the_same_network(run: RunFolder, tmp_path: Path) -> None:
    networks = []
    for seed in ("3", "3", "4"):
        shutil.copytree(run.path, tmp_path / f"{len(networks)}")
        other = RunFolder.open(tmp_path / f"{len(networks)}")
        assert distil.main([str(other.path), "--updates", "3", "--seed", seed]) == 0
        networks.append(fingerprint(read_student(other, flow_of(other))[0]))
    assert networks[0] == networks[1] != networks[2]


def test_another_flow_s_network_is_refused(distilled: tuple[RunFolder, dict]) -> None:
    run, _ = distilled
    early = run.load_models(run.checkpoints()[0])[0].reference
    with pytest.raises(RunError, match=r"was distilled from another reference policy .* run `vgf-robot distil"):
        read_student(run, early)


@pytest.mark.parametrize("content", [b"", b"not a network"])
def test_a_damaged_network_is_refused(distilled: tuple[RunFolder, dict], tmp_path: Path, content: bytes) -> None:
    shutil.copytree(distilled[0].path, tmp_path / "run")
    (tmp_path / "run" / NAME).write_bytes(content)
    run = RunFolder.open(tmp_path / "run")
    with pytest.raises(RunError, match=r"cannot be read .* run `vgf-robot distil"):
        read_student(run, flow_of(run))


@pytest.mark.parametrize(
    ("changes", "options", "sentence"),
    [
        ({"method": "fql"}, [], "draws by an actor of one pass already"),
        ({"reference": GAUSSIAN}, [], "found a gaussian"),
        ({}, ["--updates", "0"], "--updates: expected 1 or more, found 0"),
        ({}, ["--device", "tpu"], "expected --device cpu or cuda .* found tpu"),
        ({}, ["--threads", "0"], "one thread or more, found cpu and 0"),
    ],
)
def test_what_cannot_be_distilled_is_refused(
    run: RunFolder, tmp_path: Path, changes: dict, options: list[str], sentence: str
) -> None:
    folder = run.path
    if changes:
        small = {"critic": {"hidden_sizes": [8], "num_updates": 1}, **changes}
        train.main([str(write_config(tmp_path, **small)), "--out", str(tmp_path / "run")])
        folder = tmp_path / "run"
    with pytest.raises(ConfigError, match=sentence):
        distil.main([str(folder), *options])
    assert not (folder / NAME).exists()


class Rotation(FlowReference):
    """A flow whose velocity turns around the origin: the exact answer is known, and each rule's error with it."""

    def velocity_at(self, state: torch.Tensor, particles: torch.Tensor, time: float) -> torch.Tensor:
        self.asked.append(time)
        return torch.stack([-particles[..., 1], particles[..., 0]], dim=-1)


@torch.no_grad()
def test_the_midpoint_rule_is_of_second_order_and_counts_its_evaluations() -> None:
    flow = Rotation(4, 2, (8,))
    start, turned = torch.tensor([[[0.5, 0.0]]]), 0.5 * torch.tensor([1.0, 1.0]).cos()
    turned = 0.5 * torch.tensor([[[math.cos(1.0), math.sin(1.0)]]])
    errors = {}
    for rule, sampler in (("euler", flow), ("midpoint", Midpoint(flow))):
        for count in (4, 8):
            flow.asked = []
            errors[rule, count] = float((sampler(torch.zeros(1, 4), start, count) - turned).norm())
            assert len(flow.asked) == count
    assert flow.asked == [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]
    assert errors["euler", 4] / errors["euler", 8] == pytest.approx(2, rel=0.2)
    assert errors["midpoint", 4] / errors["midpoint", 8] == pytest.approx(4, rel=0.2)
    assert errors["midpoint", 8] < errors["euler", 8] / 4
    with pytest.raises(ValueError, match="Expected an even number of evaluations"):
        Midpoint(flow)(torch.zeros(1, 4), start, 3)
