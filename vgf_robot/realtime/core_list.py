"""Lists of cores as Linux writes them: `0-3,6`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vgf_robot.errors import ConfigError

_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def parse_core_list(text: str) -> tuple[int, ...]:
    """Return the cores of a list such as `1,2` or `0-3,6`, sorted; an empty text is no cores.

    Raises:
        ConfigError: The text is no such list.
    """
    cores: set[int] = set()
    for part in text.split(",") if text.strip() else []:
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise ConfigError(f"'{text}' is no list of cores; expected numbers and ranges, such as 1,2 or 2-5.")
        cores.update(range(first, last + 1))
    return tuple(sorted(cores))


def core_list_text(cores: Iterable[int]) -> str:
    """Return cores as `parse_core_list` reads them, in numbers."""
    return ",".join(map(str, sorted(cores)))
