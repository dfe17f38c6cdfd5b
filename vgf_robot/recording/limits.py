"""How much a recorder may write."""

from __future__ import annotations

import math

import msgspec

from vgf_robot.errors import ConfigError


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user of a recorder chooses.

    Attributes:
        file_mb: A file is ended at this size, in megabytes.
        file_minutes: A file is ended after this long.
        total_gb: The oldest files of the folder make room beyond this size, in gigabytes; those of faults do not count.
        fault_s: Seconds before a fault that are kept apart.
        max_faults: Files of faults that are kept; the oldest make room.
    """

    file_mb: float = 256.0
    file_minutes: float = 10.0
    total_gb: float = 20.0
    fault_s: float = 10.0
    max_faults: int = 50

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ConfigError: A number is not positive, or a file is larger than all files together.
        """
        for name in self.__struct_fields__:
            value: float = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name}: expected a positive number, found {value:g}; give another one.")
        if self.file_mb * 1e6 * 2 > self.total_gb * 1e9:
            raise ConfigError(
                f"file_mb: expected at most half of total_gb ({self.total_gb:g} GB), found {self.file_mb:g} MB; one "
                "file is written while the one before is kept."
            )
