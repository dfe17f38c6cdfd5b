"""What a command line says of settings that `serve` and `drive` share, laid over those of the configuration."""

from __future__ import annotations

from typing import Any

import msgspec

from vgf_robot.controller import ControllerSettings
from vgf_robot.realtime import RealTimeSettings, parse_core_list


def controller_spoken(base: ControllerSettings, miss_rate: float | None) -> dict[str, Any]:
    """Return how the controller estimates time, as a mapping; None leaves the configuration's value."""
    spoken = {} if miss_rate is None else {"miss_rate": miss_rate}
    return msgspec.to_builtins(base) | spoken


def realtime_spoken(
    base: RealTimeSettings, *, fifo: int | None, cores: str | None, lock_memory: bool
) -> dict[str, Any]:
    """Return how the process is scheduled, as a mapping; None and False leave the configuration's value.

    Raises:
        ConfigError: The cores are no list of cores.
    """
    spoken: dict[str, Any] = {}
    if fifo is not None:
        spoken["fifo_priority"] = fifo
    if cores is not None:
        spoken["cores"] = parse_core_list(cores)
    if lock_memory:
        spoken["lock_memory"] = True
    return msgspec.to_builtins(base) | spoken
