"""Where a user's caches lie: what they hold can be made again, and is checked before it is used."""

from __future__ import annotations

import os
from pathlib import Path

from vgf_robot.errors import MachineError


def cache_folder(name: str) -> Path:
    """Return a folder of this user's, made if missing; XDG_CACHE_HOME, or else ~/.cache, says where.

    Args:
        name: What it is for.

    Raises:
        MachineError: It cannot be made.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "vgf-robot" / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(
            f"{folder} cannot be made ({error.strerror}); set XDG_CACHE_HOME to a folder that is yours to write to."
        ) from error
    return folder


def write_in_one_piece(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
