"""Configuration files that are no text, no YAML, or YAML with a trap in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vgf_robot import config
from vgf_robot.errors import ConfigError


class Critic(msgspec.Struct, frozen=True, kw_only=True):
    learning_rates: tuple[float, ...] = ()
    hidden: int = 1


class Train(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    step_size: float | None = None
    critic: Critic = Critic()


def load(folder: Path, text: str) -> Train:
    path = folder / "train.yaml"
    path.write_text(text)
    return config.load(path, Train)


@pytest.mark.parametrize(
    ("text", "place", "cure"),
    [
        ("step_size: 3e-4", "$.step_size", "YAML reads 3e-4 as text; write 3.0e-4."),
        ("step_size: 1.5e3", "$.step_size", "YAML reads 1.5e3 as text; write 1.5e+3."),
        ("critic: {learning_rates: [1.0, 2e-3]}", "$.critic.learning_rates[1]", "write 2.0e-3."),
        ("critic: {hidden: 1e2}", "$.critic.hidden", "write all its digits."),
    ],
)
def test_a_number_that_yaml_takes_for_text_comes_with_the_cure(
    tmp_path: Path, text: str, place: str, cure: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, text)
    assert place in str(refusal.value)
    assert str(refusal.value).endswith(cure)


def test_the_cure_is_read_as_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, "step_size: 3.0e-4").step_size == 3e-4
    assert load(tmp_path, "step_size: 1.5e+3").step_size == 1500


@pytest.mark.parametrize("text", ["step_size: small", "name: [3e-4]", "3e-4"])
def test_other_text_gets_no_cure(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, text)
    assert "write" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00a: 1", "no text in UTF-8"),
        (b"name: [1, 2", "not valid YAML"),
        (b"name: \x07", "not valid YAML"),
        (b"name: 2020-13-45", "not valid YAML"),
    ],
)
def test_files_that_are_no_yaml_are_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as refusal:
        config.load(path, Train)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_text_beyond_ascii_survives(tmp_path: Path) -> None:
    record = Train(name="Würfel")
    config.dump(record, tmp_path / "train.yaml")
    assert config.load(tmp_path / "train.yaml", Train) == record
