"""Robots that other packages bring, by name; each is an entry point, so that the runtime need not know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Protocol

from vgf_robot.bundle import Manifest
from vgf_robot.drive.actuator import DriveCommand
from vgf_robot.drive.sensor import Sensed
from vgf_robot.errors import MachineError

GROUP = "vgf_robot.ports"


class Ports(Protocol):
    """A robot: its sensor and its actuator in one."""

    @property
    def counters(self) -> Mapping[str, int]:
        """What has happened at this robot so far."""
        ...

    def newest(self) -> Sensed | None:
        """Return the newest observation at once, as `Sensor`."""
        ...

    def send(self, command: DriveCommand) -> None:
        """Hand over a command, as `Actuator`."""
        ...

    def close(self) -> None:
        """Release the robot."""
        ...


def open_ports(name: str, manifest: Manifest, *, seed: int, clock: Callable[[], int]) -> Ports:
    """Open the robot that an installed package offers under a name.

    Args:
        name: Such as `plant`.
        manifest: The bundle's, which says what robot it is made for.
        seed: Of everything random in that robot, 0 or more.
        clock: Monotonic nanoseconds, the loop's clock.

    Raises:
        MachineError: No package offers it, or what it needs is not installed.
    """
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    cure = "run `pip install -e '.[sim]'` in a clone of vgf-robot."
    if not found:
        raise MachineError(f"'{name}' is not among the installed robots of the group {GROUP}; {cure}")
    try:
        opener: Callable[..., Any] = found[0].load()
    except AttributeError as error:  # a stranger's package of that name
        raise MachineError(
            f"'{name}' is not offered by the package that is installed here ({error}); {cure}"
        ) from error
    except ModuleNotFoundError as error:
        raise _missing(name, error, cure) from error
    try:
        return opener(manifest, seed=seed, clock=clock)
    except ModuleNotFoundError as error:
        raise _missing(name, error, cure) from error


def _missing(name: str, error: ModuleNotFoundError, cure: str) -> MachineError:
    return MachineError(f"'{name}' needs the Python package '{error.name}', which is not installed; {cure}")
