"""The other packages use what a package of the runtime offers, not how it is cut into modules."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The foundation is modules, not packages: they have nothing deeper.
PACKAGES = (
    "backends",
    "bench",
    "bundle",
    "control",
    "controller",
    "doctor",
    "drive",
    "engagement",
    "profile",
    "realtime",
    "receipts",
    "recording",
    "security",
    "telemetry",
    "wire",
)
DEEP = re.compile(r"\bvgf_robot\.(?!(?:errors|config|npz|results|verbs)\b)\w+\.\w+")
IMPORT = re.compile(r"^\s*(?:from|import)\s+.*$", re.MULTILINE)
FILES = sorted(path for folder in ("export", "sim", "benchmarks") for path in (ROOT / folder).rglob("*.py"))


def test_there_are_files():
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_imported_from_deeper_than_a_package(path):
    found = [line.strip() for line in IMPORT.findall(path.read_text()) if DEEP.search(line)]
    assert found == []


@pytest.mark.parametrize(
    ("line", "deep"),
    [
        ("from vgf_robot.wire.client import Client", True),
        ("import vgf_robot.controller.budget as budget", True),
        ("from vgf_robot.wire import Client", False),
        ("from vgf_robot.errors import ServerError", False),
        ("from vgf_robot import Client", False),
    ],
)
def test_the_pattern_sees_what_it_should(line, deep):
    assert bool(DEEP.search(line)) is deep


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_there(name):
    package = importlib.import_module(f"vgf_robot.{name}")
    for public in package.__all__:
        assert getattr(package, public) is not None
    with pytest.raises(AttributeError):
        _ = package.no_such_name
