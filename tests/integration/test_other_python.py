"""The shipped bundles under another Python and its ONNX Runtime, such as 3.10 with 1.23, which JetPack 6 has.

Skipped unless VGF_ROBOT_PYTHON names a Python in which the wheel is installed: `pip wheel . --no-deps`, then
`pip install 'FILE.whl[cpu]'` in a virtual environment of that Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PYTHON = os.environ.get("VGF_ROBOT_PYTHON")
TICKS = """
import json, sys
import numpy as np
import onnxruntime
from vgf_robot import Bundle, Controller
bundle = Bundle.load(sys.argv[1])
controller, rng = Controller.open(bundle), np.random.default_rng(0)
low, high = (np.array([x for f in bundle.manifest.observation for x in getattr(f, s)]) for s in ("low", "high"))
episode = controller.begin_episode(3)
commands = [controller.tick(episode, rng.uniform(low, high).astype(np.float32), None) for _ in range(20)]
rows = [[command.steps, command.value, *command.action.tolist()] for command in commands]
print(json.dumps({"versions": [*sys.version_info[:2], onnxruntime.__version__], "rows": rows}))
"""


def ticks(python: str, bundle: str, folder: Path) -> dict:
    # Elsewhere than in the clone, so that what is installed is what runs.
    ended = subprocess.run([python, "-c", TICKS, bundle], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.skipif(PYTHON is None, reason="VGF_ROBOT_PYTHON names no other Python with vgf-robot in it")
@pytest.mark.parametrize("bundle", ["hopper-replay", "cube-single-play"])
def test_actions_are_the_same_under_another_python_and_its_onnx_runtime(tmp_path: Path, bundle: str) -> None:
    assert PYTHON is not None
    here, there = ticks(sys.executable, bundle, tmp_path), ticks(PYTHON, bundle, tmp_path)
    assert here["versions"] != there["versions"]
    np.testing.assert_allclose(there["rows"], here["rows"], rtol=1e-4, atol=1e-4)
