"""Where a page may be written, asked before the work is done."""

from __future__ import annotations

from pathlib import Path

from vgf_robot.errors import ConfigError
from vgf_robot.results import require_writable


def require_page(path: Path, option: str) -> None:
    """Refuse a place where no page can be.

    Args:
        path: What was given.
        option: By which option.

    Raises:
        ConfigError: Its name is not that of a page.
        MachineError: Nothing can be written there.
    """
    if path.suffix != ".html":
        raise ConfigError(f"{option}: expected a name that ends in .html, found '{path}'.")
    require_writable(path)
