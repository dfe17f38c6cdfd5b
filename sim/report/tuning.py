"""What `tune` found on a device, read from the file that it wrote, as a part of the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim import page
from sim.evaluation.modes import BEST_OF_N, REFERENCE, TUNED
from sim.tuning.choosing import SEALED
from sim.tuning.page import tuning_sections
from vgf_robot.errors import ConfigError, DatasetError

Row = Mapping[str, Any]
_WORKING = (TUNED, BEST_OF_N, REFERENCE, SEALED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A file of `tune --json`.

    Attributes:
        path: Where it lies.
        settings: What was asked.
        device: Where it was measured.
        rows: Under the keys that every verb uses.
    """

    path: Path
    settings: Mapping[str, Any]
    device: Mapping[str, Any]
    rows: Sequence[Row]

    @classmethod
    def open(cls, path: Path) -> Tuning:
        """Read a file.

        Raises:
            ConfigError: There is none, or another verb wrote it.
            DatasetError: It is damaged.
        """
        if not path.is_file():
            raise ConfigError(f"{path} does not exist; write it with `vgf-robot tune BUNDLE --json {path}`.")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            verb, rows = content["verb"], [dict(row) for row in content["rows"]]
            settings, device = dict(content["settings"]), dict(content["device"])
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path} is damaged ({error}); run `vgf-robot tune` again.") from error
        if verb != "tune":
            raise ConfigError(f"{path}: expected what `tune --json` writes, found that of `{verb}`; give another file.")
        return cls(path=path, settings=settings, device=device, rows=rows)


def tuning_html(tuning: Tuning) -> str:
    """Return a tuning's chapters.

    Raises:
        DatasetError: Its rows lack what a tuning's have.
    """
    working = [row for row in tuning.rows if row.get("mode") in _WORKING]
    device = tuning.device
    try:
        lead = (
            f"Measured on {device['cpu']}, {device['cores']} cores. Working points for "
            f"{', '.join(f'{each:g}' for each in tuning.settings['deadline_ms'])} ms at a miss rate of at most "
            f"{100 * tuning.settings['miss_rate']:g} %, chosen on episodes from seed {tuning.settings['seed']} and "
            f"scored on others, from seed {tuning.settings['confirm_seed']}."
        )
        sections = tuning_sections(tuning.settings, tuning.rows, working)
        title = f"Tuning: {tuning.settings['bundle_name']}"
    except (KeyError, TypeError) as error:
        raise DatasetError(
            f"{tuning.path} is no tuning of this version (it lacks {error}); run `vgf-robot tune` again."
        ) from error
    return "".join([page.section(title, page.paragraph(lead)), *sections])
