"""A small suite on the plant without physics."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sim.suite.episode_row import Row
from sim.suite.run import run_suite
from sim.suite.suite import Suite
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.config import from_mapping

TIMES = "_ms_"
NOISE = {"name": "noise", "faults": {"observation_noise": {"std": 0.3}}}
LATE = {"name": "late", "faults": {"action_delay": {"delay_s": 0.04}, "drop_out": {"probability": 0.4}}}
BUDGETS = [{"name": "none", "max_steps": 0}, {"name": "sealed"}]


class Goal(FakePlant):
    """The plant without physics, by any name."""

    def __init__(self, environment_id: str) -> None:
        super().__init__()
        self.environment_id = environment_id


def make_suite(folder: Path, **changes: Any) -> Suite:
    """Write a bundle and a profile into the folder where they are missing, and return a suite of 3 episodes a cell."""
    bundle, profile = folder / "bundle", folder / "device.json"
    if not bundle.exists():
        make_bundle(bundle)
        profile.write_text(json.dumps({"reference_ms": [2, 9, 4], "step_ms": 6, "select_ms": 1, "overhead_ms": 1}))
    content = {
        "tasks": [{"bundle": str(bundle), "name": "tiny"}],
        "scenarios": [NOISE, LATE],
        "severities": [0, 0.5, 1],
        "budgets": BUDGETS,
        "baseline": "none",
        "episodes": 3,
        "clock": "charged",
        "profile": str(profile),
    }
    given = {**content, **changes}
    return from_mapping({key: value for key, value in given.items() if value is not None}, Suite, "the test")


def run(suite: Suite, out: Path, notes: list[str] | None = None) -> list[Row]:
    said: list[str] = [] if notes is None else notes
    return run_suite(suite, out, open_plant=Goal, knows_success=lambda _: True, note=said.append)


def outcome(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows without what this machine's speed decides."""
    return [{key: value for key, value in row.items() if TIMES not in key} for row in rows]
