"""A bundle's folder appears whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vgf_robot.errors import ExportError


@contextmanager
def draft_of(out: Path) -> Iterator[Path]:
    """Give an empty folder beside `out`, which takes its place at the end, and vanishes where that is not reached.

    Args:
        out: The final place; its parents are made where they are missing.

    Raises:
        ExportError: The place is taken.
    """
    if out.exists():
        raise ExportError(f"{out} exists already; remove it, or name another folder with `--out`.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as private:
        draft = Path(private) / out.name  # a folder of its own inside: the outer one is closed to other users
        draft.mkdir()
        yield draft
        shutil.move(draft, out)
