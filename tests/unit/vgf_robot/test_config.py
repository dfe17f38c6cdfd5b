"""Configuration files that are no text, no YAML, or YAML with a trap in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from vgf_robot import config
from vgf_robot.errors import ConfigError
from vgf_robot.security import AllowList, Listed


class Critic(msgspec.Struct, frozen=True, kw_only=True):
    learning_rates: tuple[float, ...] = ()
    hidden: int = 1


class Train(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    step_size: Annotated[float, msgspec.Meta(ge=0)] | None = None
    critic: Critic = Critic()


def load(folder: Path, text: str) -> Train:
    path = folder / "train.yaml"
    path.write_text(text)
    return config.load(path, Train)


@pytest.mark.parametrize(
    ("text", "place", "cure"),
    [
        ("step_size: 3e-4", "step_size: expected float | null, found", "YAML reads 3e-4 as text; write 3.0e-4."),
        ("step_size: 1.5e3", "step_size: expected float | null, found", "YAML reads 1.5e3 as text; write 1.5e+3."),
        (
            "critic: {learning_rates: [1.0, 2e-3]}",
            "critic.learning_rates[1]: expected float, found '2e-3'",
            "write 2.0e-3.",
        ),
        ("critic: {hidden: 1e2}", "critic.hidden: expected int, found '1e2'", "write all its digits."),
    ],
)
def test_a_number_that_yaml_takes_for_text_comes_with_the_cure(
    tmp_path: Path, text: str, place: str, cure: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, text)
    assert place in str(refusal.value)
    assert str(refusal.value).endswith(cure)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("step_size: -1", "step_size: expected float >= 0.0, found -1."),
        ("step_size: .inf", "step_size: expected a finite number, found inf."),
        ("critic: {learning_rates: [1, .nan]}", "critic.learning_rates[1]: expected a finite number, found nan."),
        ("critic: {hidden: true}", "critic.hidden: expected int, found True."),
        ("critic: {hidden: []}", "critic.hidden: expected int, found array."),
        ("[]", "expected object, found array."),
    ],
)
def test_a_value_that_will_not_do_is_named_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, text)
    assert str(refusal.value) == f"In {tmp_path / 'train.yaml'}: {sentence}"


def test_a_folder_is_not_called_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no file; give a YAML file"):
        config.load(tmp_path, Train)


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


def test_the_types_of_a_record_are_looked_up_once_however_many_there_are(monkeypatch):
    """A server reads its list of clients between two ticks."""
    asked = []
    real = config.get_type_hints
    monkeypatch.setattr(config, "get_type_hints", lambda record: asked.append(record) or real(record))
    config._nested_types.cache_clear()
    clients = [{"name": f"c{k}", "key": "k", "roles": ["act"]} for k in range(5)]
    config.from_mapping({"clients": clients}, AllowList, "it")
    assert asked == [AllowList, Listed]
