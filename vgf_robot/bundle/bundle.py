"""A bundle on disk, verified before anything in it is used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vgf_robot.bundle.consistency import verify_manifest
from vgf_robot.bundle.files import MANIFEST, RECEIPT, verify_files
from vgf_robot.bundle.manifest import SCHEMA_VERSION, Manifest, Variant
from vgf_robot.config import from_mapping
from vgf_robot.errors import BudgetError, BundleError, ConfigError, suggestion

SHIPPED = Path(__file__).resolve().parents[1] / "shipped"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself.
        sha256: Hash of manifest.json. The manifest holds the hash of every other file, so this names the whole bundle.
    """

    folder: Path
    manifest: Manifest
    sha256: str

    @staticmethod
    def load(path_or_name: str | Path) -> Bundle:
        """Read and verify a bundle.

        Args:
            path_or_name: A folder, or the name of a shipped bundle.

        Raises:
            BundleError: There is no such bundle, or something in it is not as it was sealed.
        """
        folder = _folder(path_or_name)
        path = folder / MANIFEST
        if not path.is_file():
            raise BundleError(f"{path}: expected the manifest of a bundle, found none; give a folder made by `export`.")
        content = path.read_bytes()
        manifest = _parse(content, str(path))
        verify_manifest(manifest, str(path))
        verify_files(folder, manifest)
        return Bundle(folder, manifest, hashlib.sha256(content).hexdigest())

    def variant(self, num_particles: int, reference_steps: int, precision: str | None = None) -> Variant:
        """Return the variant with this N and K.

        Args:
            num_particles: N.
            reference_steps: K.
            precision: Number format of the matrix products; None takes the first one listed.

        Raises:
            BudgetError: The bundle has no such variant.
        """
        for variant in self.manifest.variants:
            same = (variant.num_particles, variant.reference_steps) == (num_particles, reference_steps)
            if same and precision in (None, variant.precision):
                return variant
        known = ", ".join(f"({v.num_particles}, {v.reference_steps}, {v.precision})" for v in self.manifest.variants)
        wanted = f"({num_particles}, {reference_steps}{'' if precision is None else f', {precision}'})"
        raise BudgetError(
            f"Bundle '{self.manifest.name}' has no variant (num_particles, reference_steps, precision) = {wanted}, "
            f"only {known}; ask for one of these, or export it with `--particles` and `--reference-steps`."
        )

    def restricted(self, *, reference_steps: int | None = None, precision: str | None = None) -> Bundle:
        """Return the bundle with those of its variants alone that have this K and this precision.

        Where none of them has the N of the operating point, the largest N that one has takes its place.

        Args:
            reference_steps: K, no more than the operating point's; None for that.
            precision: Number format of the matrix products; None for all.

        Raises:
            BudgetError: K is above the operating point's, or the bundle has no such variant.
        """
        point = self.manifest.operating_point
        steps = point.reference_steps if reference_steps is None else reference_steps
        if steps > point.reference_steps:
            raise BudgetError(
                f"reference_steps: expected at most {point.reference_steps} (sealed in the bundle), found {steps}; ask "
                "for fewer."
            )
        kept = tuple(
            each
            for each in self.manifest.variants
            if each.reference_steps == steps and precision in (None, each.precision)
        )
        if not kept:
            known = sorted({f"{each.reference_steps} in {each.precision}" for each in self.manifest.variants})
            wanted = f"{steps}{'' if precision is None else f' in {precision}'}"
            raise BudgetError(
                f"Bundle '{self.manifest.name}' has no variant with reference_steps {wanted}, only "
                f"{', '.join(known)}; ask for one of these, or export more."
            )
        counts = {each.num_particles for each in kept}
        count = point.num_particles if point.num_particles in counts else max(counts)
        narrower = msgspec.structs.replace(point, reference_steps=steps, num_particles=count)
        manifest = msgspec.structs.replace(self.manifest, variants=kept, operating_point=narrower)
        return dataclasses.replace(self, manifest=manifest)

    def receipt(self) -> dict[str, Any]:
        """Return the parity receipt: how closely the graphs agree with the networks they were made from.

        Raises:
            BundleError: The receipt is not a JSON object.
        """
        return _json_object((self.folder / RECEIPT).read_bytes(), str(self.folder / RECEIPT))


def shipped_names() -> list[str]:
    """Return the names of the bundles that come with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{MANIFEST}"))


def _folder(path_or_name: str | Path) -> Path:
    folder = Path(path_or_name)
    if folder.is_dir():
        return folder
    if str(path_or_name) in shipped_names():
        return SHIPPED / path_or_name
    if folder.exists():
        raise BundleError(f"{folder}: expected a bundle's folder, found a file; give the folder that holds {MANIFEST}.")
    names = shipped_names()
    hint = suggestion(str(path_or_name), names) if names else "no bundle is shipped."
    raise BundleError(f"{folder}: expected a bundle's folder or the name of a shipped bundle, found neither; {hint}")


def _parse(content: bytes, source: str) -> Manifest:
    mapping = _json_object(content, source)
    version = mapping.get("schema_version")
    # Before the keys: a newer manifest has keys that this program cannot know.
    if isinstance(version, int) and version != SCHEMA_VERSION:
        cure = "update vgf-robot" if version > SCHEMA_VERSION else "export the bundle again"
        raise BundleError(f"{source}: expected schema_version {SCHEMA_VERSION}, found {version}; {cure}.")
    try:
        return from_mapping(mapping, Manifest, source)
    except ConfigError as error:
        raise BundleError(
            f"{error} Expected a manifest of schema_version {SCHEMA_VERSION} as this program knows it; update "
            "vgf-robot where the bundle is newer, or export it again."
        ) from error


def _json_object(content: bytes, source: str) -> dict[str, Any]:
    try:
        value: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:  # too deep a nesting, or text that is not UTF-8
        raise BundleError(f"{source}: expected JSON, found {error}; copy or export the bundle again.") from error
    if not isinstance(value, Mapping):
        raise BundleError(
            f"{source}: expected a JSON object, found {json.dumps(value)[:40]}; copy or export the bundle again."
        )
    return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
