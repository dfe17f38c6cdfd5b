"""A device profile lowers a bundle's setting, and never raises it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.commands.profiled import on_profile
from vgf_robot.controller import Budget, Controller, ControllerSettings
from vgf_robot.drive import DriveSettings
from vgf_robot.errors import BudgetError, ConfigError, VgfError
from vgf_robot.profile import (
    DeviceProfile,
    WorkingPoint,
    at_working_point,
    load_profile,
    lowered,
    point_of,
    save_profile,
)
from vgf_robot.results import device_facts
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.settings import ServeSettings


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(make_bundle(tmp_path / "bundle", sealed=True, max_distance=0.5))


def point(deadline_ms: float = 20.0, reference_steps: int = 2, **budget: Any) -> WorkingPoint:
    return WorkingPoint(
        deadline_ms=deadline_ms,
        miss_rate=0.01,
        backend="onnxruntime-cpu",
        precision="float32",
        threads=2,
        reference_steps=reference_steps,
        budget=Budget(**budget),
    )


def write(folder: Path, bundle: Bundle, *points: WorkingPoint, **changes: Any) -> str:
    content = {"device": device_facts(), "bundle": "tiny", "bundle_sha256": bundle.sha256, "points": points, **changes}
    path = folder / "profile.json"
    save_profile(path, DeviceProfile(**content))
    return str(path)


def test_a_profile_is_read_as_it_was_written(tmp_path: Path, bundle: Bundle) -> None:
    path = Path(write(tmp_path, bundle, point(max_steps=1, num_particles=1), point(5.0)))
    found = load_profile(path)
    assert found.points[0].budget == Budget(max_steps=1, num_particles=1)
    save_profile(path, found)
    assert load_profile(path) == found


def test_the_operating_point_becomes_the_working_point(tmp_path: Path, bundle: Bundle) -> None:
    path = write(tmp_path, bundle, point(max_steps=1, step_size=0.01, num_particles=1, max_distance=0.2))
    found = at_working_point(bundle, path, 0.9, "float32")
    setting = found.manifest.operating_point
    assert (setting.num_particles, setting.max_steps, setting.step_size) == (1, 1, 0.01)
    assert setting.max_distance == 0.2
    assert found.sha256 == bundle.sha256
    assert at_working_point(bundle, None, 0.9, None) is bundle


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        ({"max_steps": 4}, "max_steps: expected 0 to 3"),
        ({"step_size": 0.06}, "step_size: .* found 0.06"),
        ({"max_distance": 0.6}, "max_distance: .* found 0.6"),
        ({"num_particles": 7}, "num_particles: expected one of"),
        ({"reference_steps": 3}, "reference_steps: expected at most 2"),
        ({"reference_steps": 1}, "no variant with reference_steps 1"),
    ],
)
def test_nothing_is_raised_above_what_the_bundle_is_sealed_at(
    bundle: Bundle, raised: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BudgetError, match=f"^Device profile p.json may lower .*{sentence}"):
        lowered(bundle, point(**raised), "p.json", None)


def test_the_point_of_the_longest_deadline_that_is_kept_is_taken(bundle: Bundle) -> None:
    profile = DeviceProfile(bundle_sha256=bundle.sha256, points=(point(5.0), point(20.0), point(45.0)))
    for deadline_ms, expected in ((5.0, 5.0), (19.9, 5.0), (44.0, 20.0), (45.0 - 1e-7, 45.0), (50.0, 45.0)):
        assert point_of(profile, bundle, deadline_ms, "p.json").deadline_ms == expected
    with pytest.raises(ConfigError, match=r"no working point for a deadline of 4\.9 ms, the shortest is for 5 ms"):
        point_of(profile, bundle, 4.9, "p.json")


def test_a_profile_of_another_bundle_or_without_points_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    other = write(tmp_path, bundle, point(), bundle_sha256="0" * 64)
    with pytest.raises(ConfigError, match=r"is for bundle 'tiny' \(000000000000\), expected 'tiny'"):
        at_working_point(bundle, other, 0.9, None)
    with pytest.raises(ConfigError, match="has times and no working point"):
        at_working_point(bundle, write(tmp_path, bundle), 0.9, None)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON"),
        ("[]", "expected an object"),
        ('{"schema_version": 2, "new": 1}', "expected schema_version 1, found 2; update vgf-robot"),
        ('{"point": []}', "unknown key 'point'; did you mean 'points'"),
        ('{"schema_version": "one"}', "schema_version"),
        ('{"points": [{"deadline_ms": 0}]}', "deadline_ms"),
    ],
)
def test_what_is_no_profile_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_profile(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="does not exist; make one with"):
        load_profile(tmp_path / "nowhere.json")


@pytest.mark.parametrize("settings", [ServeSettings(), DriveSettings()])
def test_the_command_line_goes_before_the_profile_and_that_before_the_rest(
    tmp_path: Path, bundle: Bundle, settings: ServeSettings | DriveSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, bundle, point())
    settings = type(settings)(profile=path, threads=8, backend="other")
    found = on_profile(settings, bundle.folder, None, None)
    assert (found.backend, found.threads) == ("onnxruntime-cpu:float32", 2)
    found = on_profile(settings, bundle.folder, "other", 8)
    assert (found.backend, found.threads) == ("other", 8)
    assert on_profile(type(settings)(), "no-such-bundle", None, None) == type(settings)()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("settings", [ServeSettings(), DriveSettings()])
def test_what_a_device_has_learned_to_keep_free_is_known_at_the_start(
    tmp_path: Path, bundle: Bundle, settings: ServeSettings | DriveSettings
) -> None:
    path = write(tmp_path, bundle, msgspec.structs.replace(point(), margin_ms=4.5))
    found = on_profile(type(settings)(profile=path), bundle.folder, None, None)
    controller = Controller.open(bundle, settings=found.controller)
    assert controller.margin_ns() == 4.5e6
    assert Controller.open(bundle).margin_ns() == 50e6 / 16
    for asked_ms, found_ms in ((1.0, 4.5), (9.0, 9.0)):
        asked = type(settings)(profile=path, controller=ControllerSettings(first_margin_ms=asked_ms))
        assert on_profile(asked, bundle.folder, None, None).controller.first_margin_ms == found_ms


def test_another_device_is_worth_a_warning(tmp_path: Path, bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, bundle, point(), device={**device_facts(), "cpu": "another one", "cores": 64})
    on_profile(ServeSettings(profile=path), bundle.folder, None, None)
    assert "was made on another device (another one, 64 cores)" in capsys.readouterr().err


def test_a_server_runs_the_bundle_at_its_working_point(tmp_path: Path, bundle: Bundle) -> None:
    settings = ServeSettings(profile=write(tmp_path, bundle, point(max_steps=1, num_particles=1)))
    policy = ServedBundle.open(bundle.folder, settings)
    assert policy.facts.operating_point.max_steps == 1
    assert policy.facts.bundle_sha256 == bundle.sha256
    with pytest.raises(BudgetError, match="max_steps: expected 0 to 1"):
        policy.controller.point(Budget(max_steps=2))
    Path(settings.profile or "").write_text(json.dumps({"stages": []}))
    with pytest.raises(VgfError, match="no working point"):
        ServedBundle.load(bundle.folder, settings)


def test_a_server_that_is_reloaded_reads_the_profile_again_with_the_bundle(tmp_path: Path, bundle: Bundle) -> None:
    settings = ServeSettings(profile=write(tmp_path, bundle, point(max_steps=2)))
    other = Bundle.load(make_bundle(tmp_path / "other", name="other", sealed=True))
    with pytest.raises(ConfigError, match=r"is for bundle 'tiny' .* run `vgf-robot tune` with this bundle"):
        ServedBundle.load(other.folder, settings)
    write(tmp_path, other, point(max_steps=1))
    policy = ServedBundle.load(other.folder, settings)
    assert (policy.facts.bundle, policy.facts.operating_point.max_steps) == ("other", 1)
