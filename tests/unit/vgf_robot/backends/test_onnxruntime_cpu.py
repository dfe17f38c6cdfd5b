"""Graphs that are not what the manifest says, and backends that are not there."""

import re
import shutil

import pytest

from tests.bundles import make_bundle
from vgf_robot.backends import backend_names, load_backend, registry
from vgf_robot.backends.onnxruntime_cpu import open_onnxruntime_cpu
from vgf_robot.bundle import Bundle, write_manifest
from vgf_robot.errors import BundleError, ConfigError, MachineError


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


def refusal(folder) -> str:
    bundle = Bundle.load(folder)
    with pytest.raises(BundleError) as caught:
        open_onnxruntime_cpu(bundle, bundle.variant(4, 2))
    return str(caught.value)


def swap(folder, source, place) -> None:
    """Put one graph in the place of another and seal the folder as an exporter with a fault would."""
    manifest = Bundle.load(folder).manifest
    shutil.copy(folder / source, folder / place)
    write_manifest(folder, manifest)


def test_another_number_of_particles_is_refused(folder):
    swap(folder, "reference-n1.onnx", "reference-n4.onnx")
    expected = "reference-n4.onnx, inputs: expected 'noise' float32 (4, 2), found 'noise' float32 (1, 2);"
    assert expected in refusal(folder)


def test_another_graph_is_refused(folder):
    swap(folder, "select-n4.onnx", "step-n4.onnx")
    assert "step-n4.onnx, inputs: expected 'first_moment' float32 (4, 2), found no 'first_moment';" in refusal(folder)


def test_an_unknown_input_is_refused(folder):
    swap(folder, "step-n4.onnx", "select-n4.onnx")
    assert "expected no 'first_moment', found 'first_moment' float32 (4, 2)" in refusal(folder)


def test_what_is_no_graph_is_refused(folder):
    swap(folder, "receipt.json", "select-n4.onnx")
    assert "select-n4.onnx: expected a graph that ONNX Runtime" in refusal(folder)


def test_no_threads_are_refused(folder):
    bundle = Bundle.load(folder)
    with pytest.raises(ConfigError, match="expected 1 or more, found 0"):
        open_onnxruntime_cpu(bundle, bundle.variant(4, 2), threads=0)


def test_more_threads_than_any_machine_has_use_for_are_refused(folder):
    bundle = Bundle.load(folder)
    with pytest.raises(ConfigError, match="expected at most 256, found 100000"):
        open_onnxruntime_cpu(bundle, bundle.variant(4, 2), threads=100_000)


def test_backends_are_found_by_name():
    assert "onnxruntime-cpu" in backend_names()
    assert load_backend("onnxruntime-cpu") is open_onnxruntime_cpu


def test_an_unknown_backend_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=re.escape("did you mean 'onnxruntime-cpu'?")):
        load_backend("onnxruntime-cpus")


def test_an_installation_without_entry_points_is_named(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    with pytest.raises(MachineError, match="reinstall vgf-robot"):
        load_backend("onnxruntime-cpu")


@pytest.mark.parametrize(
    ("missing", "cure"), [("onnxruntime.capi", "pip install 'vgf-robot[cpu]'"), ("strange", "pip install strange")]
)
def test_a_missing_library_names_the_install_line(monkeypatch, missing, cure):
    class Entry:
        name = "some"

        def load(self):
            raise ModuleNotFoundError(name=missing)

    monkeypatch.setattr(registry, "entry_points", lambda group: [Entry()])
    with pytest.raises(MachineError, match=re.escape(f"needs the Python package '{missing}'")) as caught:
        load_backend("some")
    assert f"run `{cure}`." in str(caught.value)
