"""Graphs that are not what the manifest says, through OpenVINO."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.bundles import make_bundle
from vgf_robot.backends import load_backend
from vgf_robot.bundle import Bundle, write_manifest
from vgf_robot.errors import BundleError, ConfigError

pytest.importorskip("openvino")

from vgf_robot.backends import openvino_model
from vgf_robot.backends.openvino_cpu import open_openvino_cpu


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


def refusal(folder, source, place) -> str:
    """Put one graph in the place of another, seal the folder as an exporter with a fault would, and open it."""
    manifest = Bundle.load(folder).manifest
    shutil.copy(folder / source, folder / place)
    write_manifest(folder, manifest)
    bundle = Bundle.load(folder)
    with pytest.raises(BundleError) as caught:
        open_openvino_cpu(bundle, bundle.variant(4, 2))
    return str(caught.value)


def test_another_number_of_particles_is_refused(folder):
    expected = "reference-n4.onnx, inputs: expected 'noise' float32 (4, 2), found 'noise' float32 (1, 2);"
    assert expected in refusal(folder, "reference-n1.onnx", "reference-n4.onnx")


def test_another_graph_is_refused(folder):
    expected = "step-n4.onnx, inputs: expected 'first_moment' float32 (4, 2), found no 'first_moment';"
    assert expected in refusal(folder, "select-n4.onnx", "step-n4.onnx")


def test_what_is_no_graph_is_refused_in_one_line(folder):
    sentence = refusal(folder, "receipt.json", "select-n4.onnx")
    assert "select-n4.onnx: expected a graph that OpenVINO 20" in sentence
    assert "\n" not in sentence


def test_no_threads_are_refused(folder):
    bundle = Bundle.load(folder)
    with pytest.raises(ConfigError, match="expected 1 or more, found 0"):
        open_openvino_cpu(bundle, bundle.variant(4, 2), threads=0)


def test_it_is_found_by_name():
    assert load_backend("openvino-cpu") is open_openvino_cpu


def test_weights_are_not_mapped_so_that_replacing_them_on_disk_changes_nothing():
    bundle = Bundle.load("hopper-replay")
    graphs = open_openvino_cpu(bundle, bundle.variant(1, 5))
    assert str(bundle.folder / "weights.bin") not in Path("/proc/self/maps").read_text()
    assert np.isfinite(graphs.reference(np.zeros(11, np.float32), np.zeros((1, 3), np.float32))).all()


def test_steps_that_share_a_weight_share_its_memory():
    """Folding alone would write a copy for every use: the five steps of this reference would read five."""
    bundle = Bundle.load("cube-single-play")
    reference = bundle.folder / bundle.variant(4, 5).reference
    model = openvino_model.ov.Core().read_model(str(reference))
    openvino_model._fold_constants(model)
    constants = [operation for operation in model.get_ops() if operation.get_type_name() == "Constant"]
    weights = [tuple(each.get_output_shape(0)) for each in constants if each.data.size > 1000]
    assert sorted(weights) == [(34, 256), (256, 5), (256, 256), (256, 256)]


def test_a_signal_after_the_graphs_are_gone_does_no_harm(tmp_path):
    """In a process of its own: the crash that this is about would take the tests with it."""
    folder = make_bundle(tmp_path / "bundle")
    program = f"""
import gc, signal
from vgf_robot.backends import load_backend
from vgf_robot.bundle import Bundle
bundle = Bundle.load({str(folder)!r})
graphs = load_backend("openvino-cpu")(bundle, bundle.manifest.variants[0], threads=1)
del graphs
gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
signal.raise_signal(signal.SIGTERM)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "heard\n"), ended.stderr
