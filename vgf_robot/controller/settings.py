"""How the controller estimates time; the policy's own numbers are in the manifest."""

from __future__ import annotations

import math

import msgspec

from vgf_robot.errors import ConfigError


class ControllerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may differ between two machines that run the same bundle.

    Attributes:
        miss_rate: Share of ticks that may miss their deadline because of their transport steps, 0 to 1. Misses that no
            budget would have saved come on top.
        margin_rise: How much one such miss adds to the time kept free before the deadline, as a share of the control
            period, 0 to 1. Large ones learn a disturbance in fewer misses and give time away for longer; at 0 the
            margin stays at 0.
        first_margin_ms: Kept free at the start, in milliseconds, 0 or more, until ticks have taught better; at least as
            much as one such miss adds. A device profile brings what was learned when it was made.
        window: A stage's cost is the median of its last this many runs, 1 or more.
        max_rescored_age_ticks: Particles of an earlier tick are scored again while they are at most this old; 0 never.
        warm_up_ticks: First runs of a variant whose times are forgotten.
        measured_ticks: Runs after them whose times count, so that costs are known before the first tick.
    """

    miss_rate: float = 0.005
    margin_rise: float = 0.0625
    first_margin_ms: float = 0.0
    window: int = 64
    max_rescored_age_ticks: int = 1
    warm_up_ticks: int = 10
    measured_ticks: int = 20

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ConfigError: A number is out of its range.
        """
        checks = {
            "miss_rate": (0 <= self.miss_rate <= 1, "0 to 1"),
            "margin_rise": (0 <= self.margin_rise <= 1, "0 to 1"),
            "first_margin_ms": (0 <= self.first_margin_ms < math.inf, "0 or more"),
            "window": (self.window >= 1, "1 or more"),
            "max_rescored_age_ticks": (self.max_rescored_age_ticks >= 0, "0 or more"),
            "warm_up_ticks": (self.warm_up_ticks >= 0, "0 or more"),
            "measured_ticks": (self.measured_ticks >= 0, "0 or more"),
        }
        for name, (good, expected) in checks.items():
            if not good:
                raise ConfigError(f"Controller setting {name}: expected {expected}, found {getattr(self, name)}.")
