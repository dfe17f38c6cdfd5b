import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "docs" / "examples" / "cpp-client"
PACKAGES = "g++, cmake, pkg-config, libzmq3-dev and libmsgpack-cxx-dev"


def give_up(reason: str) -> None:
    """Skip where somebody tries the tests at home; a build machine has to have what the example needs."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{reason}; it needs {PACKAGES}")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built as its page says."""
    if missing := [name for name in ("cmake", "g++", "pkg-config") if shutil.which(name) is None]:
        give_up(f"the C++ example cannot be built without {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("cpp-client")
    configured = subprocess.run(["cmake", "-S", SOURCE, "-B", folder], capture_output=True, text=True, check=False)
    if configured.returncode:
        give_up(f"the C++ example cannot be configured: {configured.stderr.strip()}")
    built = subprocess.run(["cmake", "--build", folder, "-j", "2"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in built.stdout + built.stderr
    return folder / "cpp-client"
