"""Configurations: unknown keys, wrong values, and every file that ships."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policies.config import TrainConfig, validate
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
        ("critic", "discount", "high", "Expected `float`"),
        ("transport", "form", "svdg", "Invalid enum value 'svdg'"),
        ("transport", "num_particles", 0, "num_particles"),
        ("transport", "samples_per_state", 1, "samples_per_state"),
        ("task", "safe_action", [0.0], "safe_action"),
        ("task", "safe_action", [9.0, 0.0], "inside the action's limits"),
        ("task", "action_rate_limit", [1.0], "action_rate_limit"),
        ("task", "action", [{"name": "change", "size": 2, "unit": "m", "high": 1.0}], "needs its limits"),
        ("critic", "hidden_sizes", [], "at least one layer"),
        ("critic", "learning_rate", -1.0, "learning_rate"),
        ("task", "control_period_s", 0.0, "control_period_s"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, section: str, key: str, value: object, message: str) -> None:
    content = config_content(tmp_path)
    content[section][key] = value
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, content)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        yaml_config.load(tmp_path / "no.yaml", TrainConfig)
    (tmp_path / "broken.yaml").write_text("a: [1, 2")
    with pytest.raises(ConfigError, match="not valid YAML"):
        yaml_config.load(tmp_path / "broken.yaml", TrainConfig)
