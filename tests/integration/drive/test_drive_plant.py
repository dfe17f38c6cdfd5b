"""The loop on a bundle's own simulated environment."""

import json
import subprocess
import sys

import pytest

from tests.integration.drive.robots import ENVIRONMENT, PATIENCE_S, VERB

pytestmark = pytest.mark.realtime

# A first action that is late is a fault on purpose, and 7 ms are short on a machine that is busy with other things.
ATTEMPTS = 5


def test_a_plant_is_driven_by_the_same_loop(tmp_path):
    written = tmp_path / "drive.json"
    path = tmp_path / "drive.yaml"
    path.write_text("engagement: {blend_s: 0, max_stale_periods: 1000, max_fallback_periods: 1000}\n")
    options = ("--plant", "--engage", "--seconds", "1", "--config", str(path), "--json", str(written))
    command = [sys.executable, "-c", VERB, "drive", "hopper-replay", *options]
    for _ in range(ATTEMPTS):
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=ENVIRONMENT
        )
        if "First action: expected a fresh one" not in finished.stdout:
            break
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stdout
    assert finished.stdout.startswith("ready: hopper-replay (")
    row = json.loads(written.read_text())["rows"][0]
    assert row["state"] == "engaged"
    assert 0 < row["counters"]["plant_periods"] <= 126
    assert 0 < row["sent"] <= 126
    assert row["waiting"] == 0
