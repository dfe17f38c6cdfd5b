"""What a robot installs can be had for it: Python 3.10 on an ARM processor, as JetPack 6 has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
GLIBC_MINORS = range(17, 36)  # Ubuntu 22.04, under JetPack 6, has glibc 2.35
NO_INDEX = "(from versions: none)"


def resolve(requirements: list[str], report: Path, python: str) -> subprocess.CompletedProcess[str]:
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in GLIBC_MINORS] + ["manylinux2014_aarch64"]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report", str(report)]
    command += ["--target", str(report.parent / "none"), "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", python, *(word for each in platforms for word in ("--platform", each))]
    return subprocess.run([*command, *requirements], capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.index
@pytest.mark.parametrize("python", ["3.10"])
def test_the_runtime_and_its_cpu_backends_resolve(tmp_path: Path, python: str) -> None:
    extras = PROJECT["optional-dependencies"]
    requirements = [*PROJECT["dependencies"], *extras["cpu"], *extras["openvino"], "onnx>=1.17"]
    found = resolve(requirements, tmp_path / "report.json", python)
    if found.returncode and NO_INDEX in found.stderr and not os.environ.get("CI"):
        pytest.skip("no package index can be reached")
    assert found.returncode == 0, found.stderr
    installed = json.loads((tmp_path / "report.json").read_text())["install"]
    versions = {each["metadata"]["name"].lower(): each["metadata"]["version"] for each in installed}
    assert versions["onnxruntime"].startswith("1.23.")  # the last for this Python; its opset is that of the graphs
    assert {"numpy", "msgspec", "pyzmq", "pyyaml", "rich", "tyro", "openvino"} <= versions.keys()


@pytest.mark.index
def test_what_cannot_be_had_is_noticed(tmp_path: Path) -> None:
    found = resolve(["onnxruntime>=99"], tmp_path / "report.json", "3.10")
    assert found.returncode != 0
