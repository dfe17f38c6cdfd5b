"""Python, the builds of ONNX Runtime, the provider of a real session, and what there is to draw with."""

import importlib.metadata

import pytest

from tests.bundles import make_bundle
from vgf_robot import backends
from vgf_robot.bundle import Bundle
from vgf_robot.doctor import (
    Level,
    ProviderFacts,
    RendererFacts,
    SoftwareFacts,
    examine_software,
    find_renderer,
    find_software,
    open_provider,
)
from vgf_robot.doctor.jetson import run_command

CPU, GPU = {"onnxruntime": "1.31.1"}, {"onnxruntime-gpu": "1.31.0"}
ON_CPU, ON_GPU = ("CPUExecutionProvider",), ("CUDAExecutionProvider", "CPUExecutionProvider")


def examined(*, python=(3, 11), runtimes=CPU, used=ON_CPU, failure=None, choice=None, found=("egl",)):
    findings = examine_software(
        SoftwareFacts(python=python, runtimes=runtimes),
        ProviderFacts(bundle="tiny", used=used, failure=failure),
        RendererFacts(choice=choice, found=found),
    )
    return {finding.check: finding for finding in findings}


@pytest.mark.parametrize(
    ("check", "facts", "level", "found", "cure"),
    [
        ("Python", {"python": (3, 10)}, "ok", "3.10", None),
        ("Python", {"python": (3, 13)}, "ok", "3.13", None),
        ("Python", {"python": (3, 9)}, "fault", "3.9", "3.10 to 3.13"),
        ("Python", {"python": (3, 14)}, "fault", "3.14", "3.10 to 3.13"),
        ("ONNX Runtime", {}, "ok", "onnxruntime 1.31.1", None),
        ("ONNX Runtime", {"runtimes": {}}, "fault", "not installed", "pip install 'vgf-robot[cpu]'"),
        ("ONNX Runtime", {"runtimes": CPU | GPU}, "fault", "overwrite", "uninstall -y onnxruntime onnxruntime-gpu"),
        ("execution provider", {}, "ok", "CPUExecutionProvider for tiny", None),
        ("execution provider", {"runtimes": GPU}, "advice", "although onnxruntime-gpu", "--backend"),
        ("execution provider", {"runtimes": GPU, "used": ON_GPU}, "ok", "CUDAExecutionProvider", None),
        ("execution provider", {"used": (), "failure": "No module."}, "fault", "No module", "pip install"),
        ("renderer", {}, "ok", "egl", None),
        ("renderer", {"found": ("osmesa",)}, "advice", "osmesa", "libegl1"),
        ("renderer", {"found": ()}, "advice", "none", "libegl1"),
        ("renderer", {"choice": "disable", "found": ()}, "ok", "=disable", None),
        ("renderer", {"choice": "osmesa"}, "advice", "not installed", "unset MUJOCO_GL"),
    ],
)
def test_what_is_found_and_what_to_do(check, facts, level, found, cure):
    finding = examined(**facts)[check]
    assert finding.level.value == level
    assert found in finding.found
    assert finding.cure is None if cure is None else cure in str(finding.cure)


def test_every_build_of_onnx_runtime_is_seen(monkeypatch, tmp_path):
    for name in ("onnxruntime", "onnxruntime_gpu", "onnxruntime_extensions_of_mine", "numpy"):
        folder = tmp_path / f"{name}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    found = list(importlib.metadata.distributions(path=[str(tmp_path)]))
    monkeypatch.setattr("vgf_robot.doctor.software.distributions", lambda: found)
    assert find_software().runtimes == {"onnxruntime": "1.2", "onnxruntime-gpu": "1.2"}


def test_a_real_session_is_asked(tmp_path):
    facts = open_provider(Bundle.load(make_bundle(tmp_path / "bundle")))
    assert (facts.bundle, facts.used, facts.failure) == ("tiny", ON_CPU, None)


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module named 'onnxruntime'"), AttributeError("no Session")])
def test_a_package_that_is_missing_or_damaged_is_a_finding(tmp_path, monkeypatch, error):
    def open_session(*_arguments, **_named):
        raise error

    monkeypatch.setattr(backends, "open_session", open_session, raising=False)
    facts = open_provider(Bundle.load(make_bundle(tmp_path / "bundle")))
    assert facts.failure == str(error)
    assert examined(failure=facts.failure)["execution provider"].level is Level.FAULT


def test_libraries_are_looked_for_and_not_loaded():
    asked = []
    facts = find_renderer({"MUJOCO_GL": ""}, lambda name: asked.append(name) or ("lib" if name == "EGL" else None))
    assert asked == ["EGL", "OSMesa"]
    assert facts == RendererFacts(choice=None, found=("egl",))


@pytest.mark.parametrize("command", [("no-such-command-of-ours",), ("false",)])
def test_a_command_that_is_not_there_or_fails_says_nothing(command):
    assert run_command(command) is None
