"""What a device profile says of settings that `serve` and `drive` share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from vgf_robot.bundle import Bundle
from vgf_robot.drive.settings import DriveSettings
from vgf_robot.profile import DeviceProfile, load_profile, point_of
from vgf_robot.results import device_facts
from vgf_robot.wire.settings import ServeSettings

Settings = TypeVar("Settings", ServeSettings, DriveSettings)


def on_profile(settings: Settings, source: str | Path, backend: str | None, threads: int | None) -> Settings:
    """Return the settings on the backend, precision, threads and first margin of their profile's working point.

    The command line goes before the profile, and the profile before the configuration. A profile of another device is
    worth a warning and no refusal: it only ever lowers the budget.

    Args:
        settings: With the command line's words in them; without a profile they stay as they are.
        source: The bundle.
        backend: What the command line says of it; None where it is silent.
        threads: Likewise.

    Raises:
        BundleError: The bundle is damaged.
        ConfigError: The profile is none, is for another bundle, or has no working point for the deadline.
    """
    if settings.profile is None:
        return settings
    profile, bundle = load_profile(Path(settings.profile)), Bundle.load(source)
    deadline_ms = 1e3 * settings.deadline_share * bundle.manifest.control_period_s
    point = point_of(profile, bundle, deadline_ms, settings.profile)
    if difference := _other_device(profile):
        print(
            f"WARNING: device profile {settings.profile} was made on {difference}: its backend and budget may not suit "
            "this one; run `vgf-robot tune` here.",
            file=sys.stderr,
        )
    first_margin_ms = max(settings.controller.first_margin_ms, point.margin_ms)
    return msgspec.structs.replace(
        settings,
        backend=backend or f"{point.backend}:{point.precision}",
        threads=threads or point.threads,
        controller=msgspec.structs.replace(settings.controller, first_margin_ms=first_margin_ms),
    )


def _other_device(profile: DeviceProfile) -> str | None:
    """Return the device of the profile where it is another one than this, in words."""
    if isinstance(profile.device, str):
        return f"another device ({profile.device})" if profile.device else None
    here = device_facts()
    if all(profile.device.get(key) == here[key] for key in ("cpu", "cores")):
        return None
    return f"another device ({profile.device.get('cpu')}, {profile.device.get('cores')} cores)"
