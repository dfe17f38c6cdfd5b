"""Sealing: the last act of an export, after which no number of the bundle changes."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from vgf_robot.bundle.bundle import Bundle
from vgf_robot.bundle.consistency import verify_manifest
from vgf_robot.bundle.files import MANIFEST, inside, present_files, require_listed, sha256_of
from vgf_robot.bundle.manifest import Manifest


def write_manifest(folder: Path, manifest_without_hashes: Manifest) -> Bundle:
    """Hash every file of the folder and write its manifest.

    The manifest is verified before it is written and then appears in one piece, so that a folder holds a good
    manifest, the old one, or none.

    Args:
        folder: Holds the graphs, their weights and receipt.json.
        manifest_without_hashes: The manifest; what its `files` says is replaced.

    Returns:
        The bundle, read back and verified.

    Raises:
        BundleError: The numbers do not agree, or a graph or the receipt is not in the folder.
    """
    verify_manifest(manifest_without_hashes, str(folder / MANIFEST))
    files = {name: sha256_of(inside(folder, name)) for name in present_files(folder)}
    require_listed(folder, manifest_without_hashes, files)
    manifest = msgspec.structs.replace(manifest_without_hashes, files=files)
    _write_in_one_piece(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return Bundle.load(folder)


def _write_in_one_piece(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
