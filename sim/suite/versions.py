"""What decides how an episode comes out, beside its settings: the packages, and the code of this one."""

from __future__ import annotations

import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("vgf-robot", "mujoco", "gymnasium", "ogbench", "gymnasium-robotics", "numpy", "onnxruntime", "openvino")
ROOT = Path(__file__).parents[2]
"""Where the code lies."""
_CODE = ("sim", "vgf_robot")
_DIGITS = 12


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of those packages that are installed, and a hash of the code."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "code": _code_hash()}


def _code_hash() -> str:
    digest = sha256()
    for path in sorted(path for folder in _CODE for path in (ROOT / folder).rglob("*.py")):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:_DIGITS]
