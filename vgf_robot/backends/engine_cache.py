"""Engines on disk: each with what it was built for and its hash, so that another or a damaged one is built again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import final

from vgf_robot.backends.cache_folder import write_in_one_piece

Key = Mapping[str, str]


@final
class EngineCache:
    """Engines by what they were built for.

    A file is one line of JSON, the key and the engine's sha256, and then the engine. Nothing in it is trusted: the name
    is only where to look.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: Key) -> bytes | None:
        """Return the engine that was built for this key; None where there is none, or not a whole one."""
        try:
            header, _, engine = self._path(key).read_bytes().partition(b"\n")
        except OSError:
            return None
        return engine if header == _header(key, engine) else None

    def write(self, key: Key, engine: bytes) -> None:
        """Keep an engine; on a disk that is full or read-only it is built again next time."""
        try:
            write_in_one_piece(self._path(key), _header(key, engine) + b"\n" + engine)
        except OSError:
            return

    def _path(self, key: Key) -> Path:
        return self._folder / f"{hashlib.sha256(_line(dict(key))).hexdigest()[:32]}.engine"


def _header(key: Key, engine: bytes) -> bytes:
    return _line({**key, "engine_sha256": hashlib.sha256(engine).hexdigest()})


def _line(content: dict[str, str]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()
