"""The files of a bundle: where they may lie, and whether they are the ones that were sealed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vgf_robot.bundle.manifest import Manifest
from vgf_robot.errors import BundleError

MANIFEST = "manifest.json"
RECEIPT = "receipt.json"
EXPORT_AGAIN = "copy or export the bundle again."


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def present_files(folder: Path) -> list[str]:
    """Return the relative paths of all files that a manifest has to list, sorted.

    Hidden files are left out: file browsers drop them into every folder that is looked at.
    """
    relative = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix()
        for path in relative
        if path.as_posix() != MANIFEST and not any(part.startswith(".") for part in path.parts)
    )


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file of the bundle.

    Args:
        folder: The bundle's folder.
        name: Relative path, as the manifest has it.

    Raises:
        BundleError: The path is absolute, climbs out with `..`, or is a symbolic link that leads out.
    """
    path = Path(name)
    if not name or path.is_absolute() or ".." in path.parts:
        raise BundleError(
            f"{folder / MANIFEST} lists the file '{name}': expected a path inside the bundle's folder, found one that "
            f"can lead out of it; {EXPORT_AGAIN}"
        )
    resolved = (folder / path).resolve()
    if not resolved.is_relative_to(folder.resolve()):
        raise BundleError(
            f"{folder / name}: expected a file inside the bundle's folder, found a link to {resolved}; "
            f"replace the link with the file itself, or {EXPORT_AGAIN}"
        )
    return folder / path


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Check that the folder holds what the manifest lists, byte for byte, and nothing else.

    An unlisted file is refused because graphs name their weight files themselves: weights that no hash covers could
    otherwise be loaded.

    Raises:
        BundleError: A listed file is missing, changed or outside the folder, or a file is not listed.
    """
    require_listed(folder, manifest, manifest.files)
    for name, expected in manifest.files.items():
        path = inside(folder, name)
        if not path.is_file():
            raise BundleError(f"{path}: expected the file that the manifest lists, found none; {EXPORT_AGAIN}")
        found = sha256_of(path)
        if found != expected:
            raise BundleError(f"{path} was changed: expected sha256 {expected}, found {found}; {EXPORT_AGAIN}")
    for name in present_files(folder):
        if name not in manifest.files:
            raise BundleError(
                f"{folder / name}: expected only files that the manifest lists, found this one; "
                f"remove it, or {EXPORT_AGAIN}"
            )


def require_listed(folder: Path, manifest: Manifest, listed: dict[str, str]) -> None:
    """Check that every graph and the parity receipt are among the hashed files.

    Raises:
        BundleError: One of them is not, or a graph's path leads out of the folder.
    """
    needed = [RECEIPT]
    for variant in manifest.variants:
        needed += [variant.reference, variant.step, variant.select]
    for name in needed:
        inside(folder, name)
        if name not in listed:
            raise BundleError(
                f"{folder / MANIFEST}: expected '{name}' among its hashed files, found {sorted(listed)}; {EXPORT_AGAIN}"
            )
