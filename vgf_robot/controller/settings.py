"""How the controller estimates time; the policy's own numbers are in the manifest."""

from __future__ import annotations

import msgspec

from vgf_robot.errors import ConfigError


class ControllerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may differ between two machines that run the same bundle.

    Attributes:
        window: A stage's cost is estimated from its last this many turns, 1 or more.
        quantile: Upper quantile that counts as a step's cost, above 0, at most 1. A tick asks it once per step, so
            that it has to be nearer to 1 than the share of ticks that shall be in time.
        margin_us: Time kept free before the deadline when an optional stage is started, in microseconds, 0 or more.
        max_rescored_age_ticks: Particles of an earlier tick are scored again while they are at most this old; 0 never.
        warm_up_ticks: First runs of a variant whose times are forgotten.
        measured_ticks: Runs after them whose times count, so that costs are known before the first tick.
    """

    window: int = 256
    quantile: float = 0.995
    margin_us: float = 500.0
    max_rescored_age_ticks: int = 1
    warm_up_ticks: int = 10
    measured_ticks: int = 20

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ConfigError: A number is out of its range.
        """
        checks = {
            "window": (self.window >= 1, "1 or more"),
            "quantile": (0 < self.quantile <= 1, "above 0 and at most 1"),
            "margin_us": (0 <= self.margin_us < float("inf"), "0 or more"),
            "max_rescored_age_ticks": (self.max_rescored_age_ticks >= 0, "0 or more"),
            "warm_up_ticks": (self.warm_up_ticks >= 0, "0 or more"),
            "measured_ticks": (self.measured_ticks >= 0, "0 or more"),
        }
        for name, (good, expected) in checks.items():
            if not good:
                raise ConfigError(f"Controller setting {name}: expected {expected}, found {getattr(self, name)}.")

    @property
    def margin_ns(self) -> int:
        """The margin in nanoseconds."""
        return round(self.margin_us * 1000)
