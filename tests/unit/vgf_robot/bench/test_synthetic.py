"""A bundle of random weights loads, ticks, repeats itself, and says that it is no policy."""

import json
import shutil

import numpy as np
import pytest

from vgf_robot.bench import SYNTHETIC, read_layout, synthetic_bundle
from vgf_robot.bundle import Bundle, shipped_names
from vgf_robot.controller import Controller, ControllerSettings, Rung, Status
from vgf_robot.errors import BundleError, ConfigError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return synthetic_bundle(tmp_path_factory.mktemp("synthetic") / "bundle").folder


def weights(bundle: Bundle) -> np.ndarray:
    return np.fromfile(bundle.folder / read_layout(SYNTHETIC).weights, np.float32)


def test_it_is_a_valid_bundle_of_the_papers_scale(folder):
    manifest = Bundle.load(folder).manifest
    point = manifest.operating_point
    assert (manifest.observation_size, manifest.action_size, manifest.control_period_s) == (28, 5, 0.05)
    assert (point.num_particles, point.reference_steps, point.max_steps) == (10, 10, 5)
    assert (manifest.transport.form, manifest.transport.optimiser) == ("svgd", "adam")


def test_it_ticks(folder):
    controller = Controller.open(Bundle.load(folder), settings=ControllerSettings(warm_up_ticks=1, measured_ticks=1))
    command = controller.tick(controller.begin_episode(0), np.zeros(28, np.float32), None)
    assert (command.status, command.rung, command.steps) == (Status.ON_TIME, Rung.TRANSPORT, 5)
    assert np.isfinite(command.action).all()
    assert command.displacement is not None
    assert command.displacement > 0.0  # the gradient is there, and not zero


def test_it_cannot_be_mistaken_for_a_policy(folder):
    bundle = Bundle.load(folder)
    assert "not-a-policy" in bundle.manifest.name
    assert bundle.manifest.environment.startswith("none")
    assert bundle.manifest.provenance["synthetic"] is True
    assert bundle.receipt()["passed"] is False
    assert "no parity" in bundle.receipt()["statement"]
    assert not bundle.manifest.operating_point.sealed
    assert SYNTHETIC.name not in shipped_names()


def test_what_is_shipped_has_no_weights():
    layout = read_layout(SYNTHETIC)
    assert not (SYNTHETIC / layout.weights).exists()
    assert sum(path.stat().st_size for path in SYNTHETIC.iterdir()) < 150_000


def test_equal_seeds_give_equal_bundles_and_different_ones_do_not(folder, tmp_path):
    first = Bundle.load(folder)
    same, other = synthetic_bundle(tmp_path / "same"), synthetic_bundle(tmp_path / "other", seed=1)
    assert same.sha256 == first.sha256
    assert other.manifest.files["weights.bin"] != first.manifest.files["weights.bin"]
    assert (
        other.manifest.files[other.manifest.variants[0].step] == first.manifest.files[first.manifest.variants[0].step]
    )


def test_weights_have_the_scale_of_fresh_networks(folder):
    layout, content = read_layout(SYNTHETIC), weights(Bundle.load(folder))
    for tensor in layout.tensors:
        start = tensor.offset // 4
        values = content[start : start + tensor.num_bytes // 4]
        if tensor.initial == "xavier_uniform":
            bound = (6.0 / (tensor.fan_in + tensor.fan_out)) ** 0.5
            assert np.abs(values).max() <= bound * (1 + 1e-6)
            assert np.abs(values).max() > 0.9 * bound
        else:
            assert (values == (1.0 if tensor.initial == "ones" else 0.0)).all()


def test_the_control_period_can_be_chosen(tmp_path):
    assert synthetic_bundle(tmp_path / "b", control_period_s=0.012).manifest.control_period_s == 0.012


@pytest.mark.parametrize("period_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_control_period_without_meaning_is_refused(tmp_path, period_s):
    with pytest.raises(ConfigError, match="positive number of seconds"):
        synthetic_bundle(tmp_path / "b", control_period_s=period_s)
    assert not (tmp_path / "b").exists()


def test_a_seed_below_zero_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="0 or more, found -1"):
        synthetic_bundle(tmp_path / "b", seed=-1)


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BundleError, match="empty folder"):
        synthetic_bundle(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_graphs_without_a_layout_are_refused(tmp_path):
    with pytest.raises(BundleError, match=r"layout\.json: expected the layout"):
        synthetic_bundle(tmp_path / "b", graphs=tmp_path)


def test_a_layout_with_an_unknown_key_is_refused(tmp_path):
    shutil.copytree(SYNTHETIC, tmp_path / "graphs")
    path = tmp_path / "graphs" / "layout.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "extra": 1}))
    with pytest.raises(ConfigError, match="unknown key 'extra'"):
        synthetic_bundle(tmp_path / "b", graphs=tmp_path / "graphs")
