"""Configurations: unknown keys, wrong values, and every file that ships."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policies.config import FqlConfig, IfqlConfig, TrainConfig, validate
from tests.runs import config_content
from vgf_robot import config as yaml_config
from vgf_robot.errors import ConfigError

CONFIGS = Path(__file__).parents[3] / "configs" / "train"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configurations_load(path: Path) -> None:
    config = validate(yaml_config.load(path, TrainConfig))
    assert config.name == path.stem
    assert "seed" in path.read_text()


def load(tmp_path: Path, content: dict) -> TrainConfig:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return validate(yaml_config.load(path, TrainConfig))


def test_unknown_keys_get_a_suggestion(tmp_path: Path) -> None:
    content = config_content(tmp_path)
    content["critic"]["discunt"] = 0.9
    with pytest.raises(ConfigError, match=r"unknown key 'critic.discunt'; did you mean 'discount'\?"):
        load(tmp_path, content)


def test_unknown_keys_inside_lists_are_found(tmp_path: Path) -> None:
    content = config_content(tmp_path)
    content["task"]["action"][0]["hihg"] = 1.0
    with pytest.raises(ConfigError, match=r"'task.action.hihg'; did you mean 'high'\?"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("critic", "discount", 1.5, "discount"),
        ("critic", "discount", "high", "expected float"),
        ("transport", "form", "svdg", "transport.form: expected one of svgd, smoothed, independent, found 'svdg'"),
        ("transport", "num_particles", 0, "num_particles"),
        ("transport", "samples_per_state", 1, "samples_per_state"),
        ("task", "safe_action", [0.0], "safe_action"),
        ("task", "safe_action", [9.0, 0.0], "inside the action's limits"),
        ("task", "action_rate_limit", [1.0], "action_rate_limit"),
        ("task", "action", [{"name": "change", "size": 2, "unit": "m", "high": 1.0}], "needs its limits"),
        ("critic", "hidden_sizes", [], "at least one layer"),
        ("critic", "target_aggregation", "max", "expected one of .*, found 'max'"),
        ("critic", "target_aggregation", "lcb", "lcb_kappa: with `target_aggregation: lcb` and only there"),
        ("critic", "lcb_kappa", 1.0, "lcb_kappa: with `target_aggregation: lcb` and only there"),
        ("critic", "ensemble_size", 0, "ensemble_size"),
        ("data", "reward_rule", "range", "expected one of .*, found 'range'"),
        ("data", "reward_scale", 0.0, "data.reward_scale: positive"),
        ("data", "next_observations", "stored", "data.next_observations: with d4rl only"),
        ("data", "max_episode_steps", 1000, "data.max_episode_steps: with d4rl only"),
        ("data", "observation_keys", ["goal"], "data.observation_keys: with minari only"),
        ("reference", "kind", "gausian", "expected one of .*, found 'gausian'"),
        ("reference", "kind", "gaussian", "reference.num_steps: 1 for a gaussian"),
        ("reference", "gradient_clip", 0.0, "gradient_clip: positive or null"),
        ("critic", "learning_rate", -1.0, "learning_rate"),
        ("task", "control_period_s", 0.0, "control_period_s"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, section: str, key: str, value: object, message: str) -> None:
    content = config_content(tmp_path)
    content[section][key] = value
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "vfg"}, "method: expected one of vgf, a-vgf, ifql, fql, found 'vfg'"),
        ({"seed": -1}, "seed: expected int >= 0, found -1"),
        ({"seed": 2**63}, "seed: expected int <= 9223372036854775807"),
        ({"method": "vgf", "fql": {"alpha": 1.0}}, "no section `fql`, as the method is vgf"),
        ({"method": "fql", "ifql": {"expectile": 0.7}}, "no section `ifql`, as the method is fql"),
        ({"method": "ifql", "ifql": {"expectile": 1.0}}, "ifql.expectile: between 0 and 1"),
        ({"method": "ifql", "ifql": {"expektile": 0.9}}, r"unknown key 'ifql.expektile'; did you mean 'expectile'\?"),
        ({"method": "fql", "fql": {"alpha": -1.0}}, "fql.alpha: 0 or more"),
        ({"method": "fql", "reference": {"kind": "gaussian", "num_steps": 1}}, "reference.kind: flow, which fql"),
        ({"method": "fql", "critic": {"target_selection": "max"}}, "target_selection: mean, as fql has one"),
        ({"method": "a-vgf"}, "transport.form: independent, as a-vgf has no kernel"),
    ],
)
def test_methods_and_their_constants_belong_together(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, config_content(tmp_path, **changes))


def test_a_methods_constants_are_filled_in(tmp_path: Path) -> None:
    assert load(tmp_path, config_content(tmp_path, method="ifql")).ifql == IfqlConfig(expectile=0.9)
    assert load(tmp_path, config_content(tmp_path, method="fql")).fql == FqlConfig(alpha=10.0, normalise_value=False)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        yaml_config.load(tmp_path / "no.yaml", TrainConfig)
    (tmp_path / "broken.yaml").write_text("a: [1, 2")
    with pytest.raises(ConfigError, match="not valid YAML"):
        yaml_config.load(tmp_path / "broken.yaml", TrainConfig)
