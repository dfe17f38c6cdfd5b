"""The demo in the machine-readable form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sim.demo.comparison import DEADLINE_SHARE
from sim.demo.driving import BACKEND, THREADS
from sim.demo.tour import Request, Tour
from sim.demo.verdict import judge
from sim.demo.video import Video
from vgf_robot.bundle import Bundle


def rows_of(tour: Tour) -> list[dict[str, Any]]:
    """Return all rows: the budgets in lock-step, the live one, then the modes under load and on the idle machine."""
    rows = [dict(row) for row in (*tour.arm.rows, tour.live.row, *tour.load.rows)]
    return rows + [dict(row) for row in (tour.synthetic.rows if tour.synthetic is not None else ())]


def settings_of(tour: Tour, request: Request, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return what is needed to repeat the demo, what it was expected to show, and how long it took.

    Args:
        tour: What came out.
        request: What was run.
        seconds: Of each stage.
    """
    comparisons = [found for found in (tour.load, tour.synthetic) if found is not None]
    return {
        "arm": _facts(request.arm),
        "hopper": _facts(request.hopper),
        "seed": request.seed,
        "extent": msgspec.to_builtins(request.extent),
        "backend": BACKEND,
        "threads": THREADS,
        "deadline_share": DEADLINE_SHARE,
        "through": request.through,
        "video": str(tour.video.path) if isinstance(tour.video, Video) else tour.video,
        "findings": {
            found.bundle.manifest.name: [msgspec.to_builtins(each) for each in judge(found)] for found in comparisons
        },
        "seconds": dict(seconds),
    }


def _facts(bundle: Bundle) -> dict[str, Any]:
    return {
        "bundle": str(bundle.folder),
        "bundle_sha256": bundle.sha256,
        "operating_point": msgspec.to_builtins(bundle.manifest.operating_point),
        "control_period_s": bundle.manifest.control_period_s,
    }
