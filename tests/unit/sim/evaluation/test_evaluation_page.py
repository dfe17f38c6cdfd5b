"""docs/evaluation.md names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from sim.evaluation.device_profile import load_times
from sim.faults import FaultSet
from sim.plants import known_plants

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "evaluation.md").read_text()


def test_every_fault_stands_in_the_table_and_no_other() -> None:
    table = PAGE[PAGE.index("| fault |") : PAGE.index("They come in this order")]
    named = [name for row in table.splitlines()[2:] if row for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert named == list(FaultSet.__struct_fields__)


def test_the_profile_is_one(tmp_path: Path) -> None:
    text = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert text is not None
    path = tmp_path / "device.json"
    path.write_text(text[1])
    assert load_times(path).entries[0][1].step.shape == (2, 2)


def test_the_plants_and_files_are_there() -> None:
    known = known_plants()
    for name in re.findall(r"`([\w-]+-v\d)`", PAGE):
        assert name in known
    for path in re.findall(r"(?:docs|configs)/[\w/.-]+\.\w+", PAGE):
        assert (ROOT / path).exists(), path
