"""A bundle at the setting that a device profile names: lower than what it is sealed at, or the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec

from vgf_robot.bundle import Bundle
from vgf_robot.controller import resolve
from vgf_robot.errors import BudgetError, ConfigError
from vgf_robot.profile.profile import DeviceProfile, WorkingPoint
from vgf_robot.profile.profile_file import load_profile


def point_of(profile: DeviceProfile, bundle: Bundle, deadline_ms: float, source: str) -> WorkingPoint:
    """Return the working point for a bundle and a deadline.

    Args:
        profile: With the points.
        bundle: What shall be run.
        deadline_ms: In which it shall answer.
        source: Names the profile in errors.

    Raises:
        ConfigError: The points are for another bundle, there is none, or each needs a longer deadline.
    """
    if not profile.points:
        raise ConfigError(
            f"Device profile {source} has times and no working point; make one with `vgf-robot tune BUNDLE --out`."
        )
    if profile.bundle_sha256 != bundle.sha256:
        raise ConfigError(
            f"Device profile {source} is for bundle '{profile.bundle}' ({(profile.bundle_sha256 or 'unknown')[:12]}), "
            f"expected '{bundle.manifest.name}' ({bundle.sha256[:12]}); run `vgf-robot tune` with this bundle."
        )
    point = profile.point_for(deadline_ms)
    if point is None:
        least = min(each.deadline_ms for each in profile.points)
        raise ConfigError(
            f"Device profile {source} has no working point for a deadline of {deadline_ms:g} ms, the shortest is for "
            f"{least:g} ms; run `vgf-robot tune` with --deadline-ms {deadline_ms:g}, or allow more time."
        )
    return point


def at_working_point(bundle: Bundle, path: str | None, deadline_share: float, precision: str | None) -> Bundle:
    """Return the bundle as a profile wants it run, or as it is without one.

    Args:
        bundle: Verified.
        path: The profile's; None for none.
        deadline_share: Share of the control period in which it shall answer.
        precision: Of the matrix products; None for any.

    Raises:
        ConfigError: As for `load_profile` and `point_of`.
        BudgetError: As for `lowered`.
    """
    if path is None:
        return bundle
    deadline_ms = 1e3 * deadline_share * bundle.manifest.control_period_s
    return lowered(bundle, point_of(load_profile(Path(path)), bundle, deadline_ms, path), path, precision)


def lowered(bundle: Bundle, point: WorkingPoint, source: str, precision: str | None) -> Bundle:
    """Return the bundle with a working point as its operating point; nothing is raised above what it is sealed at.

    Args:
        bundle: Verified.
        point: The setting.
        source: Names the profile in errors.
        precision: Of the matrix products; None for any.

    Raises:
        BudgetError: The point asks for more than the bundle is sealed at, or for what is not in it.
    """
    try:
        narrow = bundle.restricted(reference_steps=point.reference_steps, precision=precision)
        setting = resolve(point.budget, narrow.manifest)
    except BudgetError as error:
        raise BudgetError(f"Device profile {source} may lower the bundle's setting, never raise it: {error}") from error
    return dataclasses.replace(bundle, manifest=msgspec.structs.replace(narrow.manifest, operating_point=setting))
