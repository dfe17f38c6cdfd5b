"""The files that environments write while they are made, and forget."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")


@contextmanager
def forgotten_files_removed() -> Generator[None]:
    """Remove the temporary files that are written meanwhile.

    The mazes of OGBench and of gymnasium-robotics write their XML for MuJoCo into a temporary file each time one is
    made, and leave it behind; OGBench leaves it open as well.
    """
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="vgf-robot-plant-", ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before
            _close_files_in(Path(folder).resolve())


def _close_files_in(folder: Path) -> None:
    """Close the files of a folder that this process has open, where the system says which these are."""
    if not _DESCRIPTORS.is_dir():
        return
    for descriptor in list(_DESCRIPTORS.iterdir()):
        with suppress(OSError):  # that of the listing itself is closed by now
            if folder in descriptor.readlink().parents:
                os.close(int(descriptor.name))
