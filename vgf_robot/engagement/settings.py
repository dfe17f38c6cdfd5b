"""What is asked of the first action, and what is borne afterwards."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Periods = Annotated[int, msgspec.Meta(ge=1)]


class EngagementSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a robot comes to follow the policy, and when it stops to.

    Attributes:
        blend_s: From the first action to following the policy alone, in seconds; 0 follows at once.
        max_first_change_share: Farthest that an entry of the first action may be from the robot's pose, as a share of
            that entry's range, 0 to 1; for absolute actions.
        assume_at_safe: Take a robot that does not say its pose to stand at the bundle's safe action when it is engaged;
            for absolute actions, whose first one is refused otherwise.
        max_first_limited_share: Most that the limits may have changed the first action, as a share of the narrowest
            entry's range, 0 to 1.
        max_fallback_periods: So many commands in a row without a fresh action are a fault.
        max_stale_periods: So many periods in a row without a usable observation are a fault.
        outside_window: Commands over which observations outside the training range are counted.
        max_outside_share: A larger share of that window outside is a fault, 0 to 1; 1 bears everything.
    """

    blend_s: Seconds = 1.0
    max_first_change_share: Share = 0.1
    assume_at_safe: bool = False
    max_first_limited_share: Share = 0.01
    max_fallback_periods: Periods = 10
    max_stale_periods: Periods = 5
    outside_window: Periods = 50
    max_outside_share: Share = 0.5
