"""The episodes of a suite as a Parquet file, one row each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.suite.episode_row import STAGES, STATISTICS, Row
from vgf_robot.errors import DatasetError

_TEXT, _COUNT, _NUMBER, _YES_NO = pa.string(), pa.int64(), pa.float64(), pa.bool_()
SCHEMA = pa.schema(
    {
        **{"task": _TEXT, "scenario": _TEXT, "severity": _NUMBER, "budget": _TEXT, "episode": _COUNT},
        **{"plant_seed": _COUNT, "controller_seed": _COUNT},
        **{"bundle_sha256": _TEXT, "environment": _TEXT, "backend": _TEXT},
        **{"precision": _TEXT, "threads": _COUNT, "clock": _TEXT, "deadline_ms": _NUMBER},
        **{"keeps_deadline": _YES_NO, "num_particles": _COUNT, "reference_steps": _COUNT, "max_steps": _COUNT},
        **{"step_size": _NUMBER, "max_distance": _NUMBER, "min_gain": _NUMBER, "selection": _TEXT},
        **{"success": _YES_NO, "return": _NUMBER, "num_periods": _COUNT, "num_misses": _COUNT, "num_steps": _COUNT},
        **{"fallbacks": pa.map_(_TEXT, _COUNT), "displacement_rms": _NUMBER, "num_displaced": _COUNT},
        **{"value_mean": _NUMBER, "data_distance_mean": _NUMBER},
        **{f"{stage}_ms_{name}": _NUMBER for stage in STAGES for name in STATISTICS},
    }
)


def write_parquet(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, whole or not at all, in the place of older ones."""
    plain = [{**row, "fallbacks": list(row["fallbacks"].items())} for row in rows]
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        pq.write_table(pa.Table.from_pylist(plain, schema=SCHEMA), draft, compression="zstd")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file that `write_parquet` wrote.

    Raises:
        DatasetError: It is damaged, or holds something else.
    """
    try:
        table = pq.read_table(path, schema=SCHEMA)
    except (pa.ArrowException, OSError) as error:
        detail = " ".join(str(error).split())
        raise DatasetError(f"{path} cannot be read ({detail}); give another --out, or restore the file.") from error
    return [{**row, "fallbacks": dict(row["fallbacks"])} for row in table.to_pylist()]
