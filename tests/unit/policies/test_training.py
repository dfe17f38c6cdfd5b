"""Training: the target by hand, the data seen, and a resumed run bit-equal to an uninterrupted one."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from policies import checkpoint, datasets
from policies.commands import train
from policies.commands.resolution import resolve
from policies.config import FqlConfig, TrainConfig
from policies.critic import aggregate
from policies.methods import flow_q, implicit_q, value_flow
from policies.networks import expand_observation
from policies.reference import FlowReference
from policies.run_folder import RunFolder
from policies.samples import SampleCache
from policies.targets import move_target, td_target
from policies.training import Trainer
from tests.runs import write_config, write_ogbench_file
from vgf_robot import config as yaml_config
from vgf_robot.errors import ConfigError, RunError


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def make_trainer(tmp_path: Path, **changes) -> Trainer:
    config = yaml_config.load(write_config(tmp_path, **changes), TrainConfig)
    return Trainer(config, datasets.load(config))


def tensors_of(run: Path) -> dict[str, torch.Tensor]:
    return checkpoint.read(RunFolder.open(run).newest_checkpoint())[0]


def test_target_is_reward_plus_discounted_mean_of_aggregated_target_values(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, critic={"hidden_sizes": [16], "target_aggregation": "min", "discount": 0.9})
    observation, particles = torch.randn(5, 4), torch.rand(5, 3, 2) * 2 - 1
    reward, mask = torch.arange(5.0), torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0])
    found = td_target(trainer.models, trainer.config, reward, mask, observation, particles)
    flow = trainer.config.transport
    moved = trainer.models.transport(trainer.config).flow(
        observation, particles, num_steps=flow.num_steps, step_size=flow.step_size, max_distance=torch.inf
    )
    values = trainer.models.target_critic(expand_observation(observation, moved), moved)
    expected = reward + 0.9 * mask * aggregate(values, "min").mean(-1)
    torch.testing.assert_close(found, expected)
    assert torch.equal(found[mask == 0], reward[mask == 0])
    assert not found.requires_grad


def test_target_critic_moves_by_the_polyak_rate(tmp_path: Path) -> None:
    models = make_trainer(tmp_path).models
    before = [parameter.clone() for parameter in models.target_critic.parameters()]
    with torch.no_grad():
        for parameter in models.critic.parameters():
            parameter.add_(1.0)
    move_target(models.critic, models.target_critic, 0.25)
    for old, new in zip(before, models.target_critic.parameters(), strict=True):
        torch.testing.assert_close(new - old, torch.full_like(old, 0.25))


def test_updates_learn_and_leave_the_other_network_alone(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    critic_before = [parameter.clone() for parameter in trainer.models.critic.parameters()]
    trainer.update_reference()
    assert all(torch.equal(a, b) for a, b in zip(critic_before, trainer.models.critic.parameters(), strict=True))
    reference_before = [parameter.clone() for parameter in trainer.models.reference.parameters()]
    trainer.fill_cache(lambda _count: None)
    losses = [float(trainer.update_critic()["critic_loss"]) for _ in range(60)]
    assert all(torch.equal(a, b) for a, b in zip(reference_before, trainer.models.reference.parameters(), strict=True))
    assert sum(losses[-10:]) < sum(losses[:10])


def test_cache_gives_samples_of_the_asked_states() -> None:
    samples = torch.arange(6.0).reshape(6, 1, 1).expand(6, 4, 2)
    taken = SampleCache(samples).take(torch.tensor([2, 5]), 3, torch.Generator().manual_seed(0))
    assert taken.shape == (2, 3, 2)
    assert torch.equal(taken[0], torch.full((3, 2), 2.0))
    assert torch.equal(taken[1], torch.full((3, 2), 5.0))


@pytest.mark.parametrize("samples_per_state", [0, 4])
@pytest.mark.parametrize("function", ["reference_loss", "move_target"])
def test_resumed_run_is_bit_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples_per_state: int, function: str
) -> None:
    """A signal in the middle of an update, before or after a network has moved, loses and repeats nothing."""
    flow = {"num_particles": 3, "num_steps": 2, "samples_per_state": samples_per_state}
    inside = (FlowReference, "loss") if function == "reference_loss" else (value_flow, "move_target")
    _check_resumed(tmp_path, monkeypatch, write_config(tmp_path, transport=flow), inside)


VARIANTS = {
    "a-vgf": {
        "method": "a-vgf",
        "transport": {"form": "independent", "num_particles": 3, "num_steps": 2, "samples_per_state": 4},
    },
    "ifql": {"method": "ifql"},
    "fql": {"method": "fql", "fql": {"alpha": 3.0}},
    "bfloat16": {"precision": "bfloat16"},
    "gaussian": {"reference": {"kind": "gaussian", "hidden_sizes": [16], "num_steps": 1, "num_updates": 12}},
    "lcb": {
        "critic": {
            "hidden_sizes": [16],
            "num_updates": 14,
            "ensemble_size": 3,
            "target_aggregation": "lcb",
            "lcb_kappa": 0.5,
            "target_selection": "max",
        }
    },
}


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_resumed_variants_are_bit_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    owner = {"ifql": implicit_q, "fql": flow_q}.get(name, value_flow)
    _check_resumed(tmp_path, monkeypatch, write_config(tmp_path, **VARIANTS[name]), (owner, "move_target"))


def _check_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path, inside: tuple[Any, str]) -> None:
    config = str(path)
    assert train.main([config, "--out", str(tmp_path / "whole")]) == 0
    out = str(tmp_path / "stopped")
    _signal_inside(monkeypatch, *inside, call=7)
    with pytest.raises(KeyboardInterrupt):
        train.main([config, "--out", out])
    monkeypatch.undo()
    assert train.main([config, "--out", out, "--resume"]) == 0
    whole, resumed = tensors_of(tmp_path / "whole"), tensors_of(tmp_path / "stopped")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def _signal_inside(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int) -> None:
    original, calls = getattr(owner, name), [0]

    def signalled(*arguments):
        calls[0] += 1
        if calls[0] == call:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(owner, name, signalled)


def test_a_rival_is_trained_from_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = str(write_config(tmp_path))
    few = ["--reference-updates", "1", "--critic-updates", "1"]
    assert train.main([config, *few, "--method", "fql"]) == 0
    saved = RunFolder.open(Path("runs/small-fql")).config()
    assert (saved.name, saved.method, saved.fql) == ("small-fql", "fql", FqlConfig())
    assert train.main([config, *few, "--method", "vgf"]) == 0
    assert RunFolder.open(Path("runs/small")).config().method == "vgf"
    with pytest.raises(ConfigError, match=r"expected one of .*, found 'fgl'"):
        train.main([config, "--method", "fgl"])


def test_a_changed_file_is_not_resumed_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    train.main([str(config), "--out", str(tmp_path / "run")])
    original = config.read_text()
    config.write_text(original.replace("batch_size: 16", "batch_size: 17"))
    with pytest.raises(ConfigError, match=r"batch_size is 17, the run has 16"):
        train.main([str(config), "--out", str(tmp_path / "run"), "--resume"])
    config.write_text(original.replace("num_updates: 14", "num_updates: 15"))
    train.main([str(config), "--out", str(tmp_path / "run"), "--resume"])
    said = " ".join(capsys.readouterr().out.split())
    assert (
        f"goes on as it began: critic.num_updates is 14 (in {config}: 15). To train longer say --critic-updates 15."
        in said
    )
    assert RunFolder.open(tmp_path / "run").config().critic.num_updates == 14


@pytest.mark.parametrize("repeated", [True, False])
def test_a_run_that_options_began_goes_on_with_and_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repeated: bool
) -> None:
    config, options = str(write_config(tmp_path)), ["--seed", "3", "--critic-updates", "9", "--method", "ifql"]
    assert train.main([config, *options, "--out", str(tmp_path / "whole")]) == 0
    _signal_inside(monkeypatch, implicit_q, "move_target", call=4)
    with pytest.raises(KeyboardInterrupt):
        train.main([config, *options, "--out", str(tmp_path / "run")])
    monkeypatch.undo()
    assert train.main([config, *(options if repeated else []), "--out", str(tmp_path / "run"), "--resume"]) == 0
    assert RunFolder.open(tmp_path / "run").config() == RunFolder.open(tmp_path / "whole").config()
    whole, resumed = tensors_of(tmp_path / "whole"), tensors_of(tmp_path / "run")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_run_is_trained_longer_as_if_it_had_been_meant_to(tmp_path: Path) -> None:
    config = str(write_config(tmp_path))
    assert train.main([config, "--out", str(tmp_path / "whole")]) == 0
    short = [config, "--out", str(tmp_path / "run"), "--critic-updates"]
    assert train.main([*short, "6"]) == 0
    assert train.main([*short, "14", "--resume"]) == 0
    assert RunFolder.open(tmp_path / "run").config() == RunFolder.open(tmp_path / "whole").config()
    whole, longer = tensors_of(tmp_path / "whole"), tensors_of(tmp_path / "run")
    assert all(torch.equal(whole[name], longer[name]) for name in whole)
    with pytest.raises(ConfigError, match=r"critic.num_updates is 14, found 6; leave --critic-updates out"):
        train.main([*short, "6", "--resume"])


def test_constants_of_the_method_are_kept_only_where_the_method_is_another(tmp_path: Path) -> None:
    config = write_config(tmp_path, method="fql", fql={"alpha": 3.0})
    train.main([str(config), "--out", str(tmp_path / "run")])
    config.write_text(config.read_text().replace("alpha: 3.0", "alpha: 30.0"))
    with pytest.raises(ConfigError, match=r"fql.alpha is 30.0, the run has 3.0"):
        train.main([str(config), "--out", str(tmp_path / "run"), "--resume"])


def test_other_data_are_not_gone_on_with(tmp_path: Path) -> None:
    config = str(write_config(tmp_path))
    train.main([config, "--out", str(tmp_path / "run")])
    write_ogbench_file(tmp_path / "data.npz", num_episodes=3)
    with pytest.raises(RunError, match=r"goes on with the data that it began with: transitions was 116, found 87"):
        train.main([config, "--out", str(tmp_path / "run"), "--critic-updates", "20", "--resume"])


def test_a_finished_run_that_goes_on_tells_its_last_metrics(tmp_path: Path) -> None:
    command = [str(write_config(tmp_path)), "--out", str(tmp_path / "run"), "--json"]
    train.main([*command, str(tmp_path / "first.json")])
    train.main([*command, str(tmp_path / "second.json"), "--resume"])
    rows = [json.loads((tmp_path / name).read_text())["rows"] for name in ("first.json", "second.json")]
    assert rows[0] == rows[1]
    assert rows[0][0]["update"] == 14


CONFIGURATIONS = sorted((Path(__file__).parents[3] / "configs" / "train").glob("*.yaml"))


@pytest.mark.parametrize("method", ["vgf", "a-vgf", "ifql", "fql"])
@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_every_method_takes_every_configuration(path: Path, method: str) -> None:
    assert resolve(path, {"method": method}).method == method


def test_another_seed_gives_another_run(tmp_path: Path) -> None:
    config = str(write_config(tmp_path))
    for seed in ("1", "2"):
        train.main([config, "--out", str(tmp_path / seed), "--seed", seed])
    one, two = tensors_of(tmp_path / "1"), tensors_of(tmp_path / "2")
    assert not torch.equal(one["models.critic.members.0.0.weight"], two["models.critic.members.0.0.weight"])


def test_run_folder_holds_the_resolved_configuration_and_facts(tmp_path: Path) -> None:
    config = str(write_config(tmp_path))
    train.main([config, "--out", str(tmp_path / "run"), "--seed", "3", "--critic-updates", "6"])
    run = RunFolder.open(tmp_path / "run")
    assert run.config().seed == 3
    assert run.config().critic.num_updates == 6
    facts = run.dataset_facts()
    assert facts["episodes"] == 4
    assert facts["transitions"] == 4 * 29
    assert run.sample()["observations"].shape == (2048, 4)
    assert (run.path / "metrics.jsonl").read_text().count("critic_loss") == 2
    assert list((run.path / "tensorboard").iterdir())


def test_a_run_is_not_overwritten_and_not_changed_on_resume(tmp_path: Path) -> None:
    config = str(write_config(tmp_path))
    out = str(tmp_path / "run")
    train.main([config, "--out", out])
    with pytest.raises(RunError, match="already holds a run; go on with `--resume`"):
        train.main([config, "--out", out])
    with pytest.raises(ConfigError, match=r"whose seed is 0, found 5; leave --seed out"):
        train.main([config, "--out", out, "--resume", "--seed", "5"])


def test_a_damaged_checkpoint_names_itself(tmp_path: Path) -> None:
    config = str(write_config(tmp_path))
    train.main([config, "--out", str(tmp_path / "run")])
    newest = RunFolder.open(tmp_path / "run").newest_checkpoint()
    newest.write_bytes(newest.read_bytes()[:100])
    with pytest.raises(RunError, match=f"{newest.name} cannot be read"):
        train.main([config, "--out", str(tmp_path / "run"), "--resume"])


def test_diverged_training_stops_with_a_sentence(tmp_path: Path) -> None:
    critic = {"hidden_sizes": [16, 16], "num_updates": 200, "learning_rate": 1e30}
    with pytest.raises(RunError, match="Training diverged"):
        train.main([str(write_config(tmp_path, critic=critic)), "--out", str(tmp_path / "run")])


def test_configuration_survives_its_file(tmp_path: Path) -> None:
    config = yaml_config.load(write_config(tmp_path), TrainConfig)
    yaml_config.dump(config, tmp_path / "again.yaml")
    assert msgspec.to_builtins(yaml_config.load(tmp_path / "again.yaml", TrainConfig)) == msgspec.to_builtins(config)
