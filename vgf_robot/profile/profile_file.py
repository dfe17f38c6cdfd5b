"""Device profiles in JSON files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import msgspec

from vgf_robot.config import from_mapping
from vgf_robot.errors import ConfigError
from vgf_robot.profile.profile import PROFILE_VERSION, DeviceProfile


def load_profile(path: Path) -> DeviceProfile:
    """Read a profile; one whose times hold for every tick may have them at its top level, without `stages`.

    Raises:
        ConfigError: The file is missing, is no profile, or is a newer one.
    """
    if not path.is_file():
        raise ConfigError(
            f"Device profile {path} does not exist; make one with `vgf-robot tune BUNDLE --out {path}`, or write one "
            "as docs/evaluation.md says."
        )
    try:
        content: object = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise ConfigError(f"Device profile {path} is no JSON ({error}); give a .json file.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"Device profile {path}: expected an object with `stages`, found something else.")
    mapping = cast("dict[str, Any]", content)
    version = mapping.get("schema_version", PROFILE_VERSION)
    if isinstance(version, int) and version > PROFILE_VERSION:
        raise ConfigError(
            f"Device profile {path}: expected schema_version {PROFILE_VERSION}, found {version}; update vgf-robot, or "
            "run `vgf-robot tune` with this version."
        )
    return from_mapping(_unfolded(mapping), DeviceProfile, f"device profile {path}")


def save_profile(path: Path, profile: DeviceProfile) -> None:
    """Write a profile, whole or not at all; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_bytes(msgspec.json.encode(profile) + b"\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _unfolded(mapping: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping with times at its top level as its one entry of `stages`."""
    if "stages" in mapping or not {"reference_ms", "step_ms", "select_ms"} & set(mapping):
        return mapping
    rest = {key: value for key, value in mapping.items() if key in DeviceProfile.__struct_fields__}
    # Whatever else there is belongs to the times, or is refused there with a suggestion.
    times = {key: value for key, value in mapping.items() if key not in rest}
    return {**rest, "stages": [times]}
