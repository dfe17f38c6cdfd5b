from pathlib import Path

import pytest

from tests.bundles import make_bundle
from tests.integration.drive.robots import SAFE


@pytest.fixture(scope="module")
def make_bundle_of(tmp_path_factory):
    """Return a function that makes a bundle of a kind of action."""

    def make(action_kind: str) -> Path:
        return make_bundle(tmp_path_factory.mktemp("bundle"), action_kind=action_kind, safe_action=SAFE)

    return make


@pytest.fixture
def forgiving(tmp_path) -> Path:
    """A configuration that engages wherever the robot is, without a blend, and bears nearly everything: these machines
    may be very busy.
    """
    path = tmp_path / "forgiving.yaml"
    path.write_text(
        "engage: true\nmax_age_periods: null\n"
        "engagement: {blend_s: 0, assume_at_safe: true, max_first_change_share: 1, max_stale_periods: 100000, "
        "max_fallback_periods: 100000}\n"
    )
    return path


@pytest.fixture
def strict(tmp_path) -> Path:
    """A configuration that engages without a blend and faults after half a second without an observation."""
    path = tmp_path / "strict.yaml"
    path.write_text(
        "engage: true\nmax_age_periods: null\n"
        "engagement: {blend_s: 0, max_stale_periods: 10, max_fallback_periods: 100000}\n"
    )
    return path
