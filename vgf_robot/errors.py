"""Errors are sentences for a person: what was expected, what was found, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VgfError(Exception):
    """Root of every error this project raises on purpose.

    The command line prints its message as one line and leaves with `exit_code`: 2 for bad input, 3 for a fault of
    the machine or the peer, 1 where a limit that the user set was not met.
    """

    exit_code = 2


class ConfigError(VgfError):
    """A configuration file or a command-line value does not say what it should."""


class DatasetError(VgfError):
    """A dataset is missing, damaged, or not the one that was asked for."""


class RunError(VgfError):
    """A training run's folder is missing, incomplete, or does not match its configuration."""


class ExportError(VgfError):
    """A run cannot be turned into a bundle, most often because parity failed."""


class BundleError(VgfError):
    """A bundle is damaged, newer than this program, or not made for this use."""


class BudgetError(VgfError):
    """A transport budget asks for what the bundle does not allow or does not carry."""


class ProtocolError(VgfError):
    """A message does not follow the wire schema, or client and server disagree about the robot."""


class PlantError(VgfError):
    """A simulated plant does not exist or does not fit the bundle."""


class ResultError(VgfError):
    """A result cannot be put into words that other programs read."""


class LimitError(VgfError):
    """The work was done, and a limit that the user set was not met."""

    exit_code = 1


class MachineError(VgfError):
    """The machine lacks something: a package, a device, a free port."""

    exit_code = 3


class ServerError(VgfError):
    """The server does not answer, or answers that it cannot."""

    exit_code = 3


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a half-sentence with the nearest known name, or the list of what is known.

    Args:
        name: What was given.
        known: What would have been accepted.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(names)}."
