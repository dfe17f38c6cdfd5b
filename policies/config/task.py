"""What the robot is: its observation and action vectors, its period, its safe action."""

from __future__ import annotations

from typing import Literal

import msgspec


class FieldConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named run of entries of the observation or action vector.

    Attributes:
        name: What is measured or commanded.
        size: Number of entries.
        unit: SI unit, or `1`.
        low: Lower limit of each entry; actions only.
        high: Upper limit of each entry; actions only.
    """

    name: str
    size: int
    unit: str
    low: float | None = None
    high: float | None = None


class TaskConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the robot is; goes into the bundle's manifest as it stands.

    Attributes:
        environment: Identifier of the environment, such as `cube-single-singletask-v0`.
        control_period_s: Period at which the data was recorded, in seconds.
        action_kind: What holding an action means.
        observation: Fields in the order of the observation vector.
        action: Fields in the order of the action vector, each with its limits.
        safe_action: The action of the last rung of the fallback ladder.
        action_rate_limit: Largest change per second of each action entry, or None.
    """

    environment: str
    control_period_s: float
    action_kind: Literal["absolute", "delta", "velocity", "torque"]
    observation: tuple[FieldConfig, ...]
    action: tuple[FieldConfig, ...]
    safe_action: tuple[float, ...]
    action_rate_limit: tuple[float, ...] | None = None
