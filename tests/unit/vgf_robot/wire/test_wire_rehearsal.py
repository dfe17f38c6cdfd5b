"""A bundle that takes long to load is loaded in another process first."""

import subprocess
import threading

import pytest

from tests.bundles import make_bundle
from vgf_robot.errors import BundleError
from vgf_robot.receipts import Trusted
from vgf_robot.wire import rehearsal
from vgf_robot.wire.rehearsal import Rehearsal
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.settings import ServeSettings

COMPARED = ServeSettings(backend="openvino-cpu")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return make_bundle(tmp_path / "bundle", num_particles=(1,))


def forbidden(*_, **__):
    raise AssertionError("not here")


@pytest.mark.realtime
def test_what_has_to_be_compared_is_compared_in_another_process(place, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setattr(Trusted, "_compare", forbidden)
    Rehearsal(place, COMPARED)()
    assert ServedBundle.load(place, COMPARED).manifest.name == "tiny"


@pytest.mark.realtime
def test_what_is_wrong_there_is_said_here(place):
    (place / "step-n1.onnx").write_bytes(b"nonsense")
    with pytest.raises(BundleError, match=r"step-n1\.onnx was changed"):
        Rehearsal(place, COMPARED)()


@pytest.mark.realtime
def test_a_backend_that_takes_its_process_with_it_is_refused(place, monkeypatch):
    monkeypatch.setattr(rehearsal, "_PROGRAM", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(BundleError, match="ended with code -9; see standard error"):
        Rehearsal(place, COMPARED)()


@pytest.mark.realtime
def test_a_server_that_ends_does_not_wait_for_it(place, monkeypatch):
    monkeypatch.setattr(rehearsal, "_PROGRAM", "import time; time.sleep(3600)")
    refused = []

    def call(each):
        with pytest.raises(BundleError) as caught:
            each()
        refused.append(caught.value)

    early, late = Rehearsal(place, COMPARED), Rehearsal(place, COMPARED)
    early.stop()
    call(early)
    thread = threading.Thread(target=call, args=(late,))
    thread.start()
    while late._process is None:
        thread.join(0.01)
    late.stop()
    thread.join()
    assert len(refused) == 2


@pytest.mark.parametrize("backend", ["onnxruntime-cpu", "onnxruntime-cpu:float32"])
def test_what_needs_no_comparison_starts_no_process(place, monkeypatch, backend):
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    Rehearsal(place, ServeSettings(backend=backend))()
