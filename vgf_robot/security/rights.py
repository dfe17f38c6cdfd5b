"""Which client may do what: a file that is read again while the server runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, final

import msgspec

from vgf_robot import config
from vgf_robot.errors import ConfigError
from vgf_robot.security.keys import is_key

# Enough of a public key to tell it from others in a line of text.
_SHOWN = 8

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Signature = tuple[int, int, int]


class Role(str, Enum):
    """What a key may be good for."""

    ACT = "act"  # ask for actions
    OBSERVE = "observe"  # read what is published
    CONTROL = "control"  # reload, stop, change what a running server does


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One client.

    Attributes:
        name: What people call it.
        key: Its public key, Z85.
        roles: What it may do.
    """

    name: Text
    key: str
    roles: tuple[Role, ...]


class AllowList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: whoever is not in it may do nothing."""

    clients: tuple[Listed, ...]


@final
class Rights:
    """What each key may do, as the file says now.

    Args:
        path: The YAML file, see `AllowList`.
        tell: Takes a sentence for whoever runs the server.

    Attributes:
        losses: How often somebody has lost a role since the start.

    Raises:
        ConfigError: There is no such file, it is damaged, or others can write to it.
    """

    def __init__(self, path: Path, tell: Callable[[str], object] = lambda _: None) -> None:
        self.losses: Counter[Role] = Counter()
        self._path = path
        self._tell = tell
        self._signature = self._look()
        self._listed = _read(path)

    def may(self, user_id: str, role: Role | None) -> bool:
        """Return whether a key has a role; None asks whether it is listed at all.

        Args:
            user_id: The `User-Id` of a message: the peer's public key.
            role: What it wants to do.
        """
        listed = self._listed.get(user_id)
        return listed is not None and (role is None or role in listed.roles)

    def describe(self, user_id: str) -> str:
        """Return how to call a key in a line of text."""
        listed = self._listed.get(user_id)
        return f"{'unlisted' if listed is None else listed.name!r} ({user_id[:_SHOWN]}...)"

    def expire(self) -> None:
        """Have the next `refresh` read the file, changed or not; safe to call from a signal handler."""
        self._signature = None

    def refresh(self) -> bool:
        """Read the file again where it has changed, and return whether anybody's rights have.

        A file that will not do changes nothing: the list that was read before stays in force, and `tell` says so.
        """
        signature = self._look()
        if signature == self._signature and signature is not None:
            return False
        if signature is None and self._signature == _GONE:
            return False  # said already
        self._signature = signature or _GONE
        try:
            listed = _read(self._path)
        except (ConfigError, OSError) as error:
            self._tell(f"WARNING: the clients' rights stay as they were: {error}")
            return False
        before, self._listed = self._listed, listed
        if listed == before:
            return False
        for key, client in before.items():
            self.losses.update(role for role in client.roles if not self.may(key, role))
        self._tell(f"rights read again: {len(listed)} clients in {self._path}")
        return True

    def _look(self) -> _Signature | None:
        """Return what changes with the file; None where there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


_GONE: _Signature = (0, 0, 0)


def _read(path: Path) -> dict[str, Listed]:
    """Return the clients by key."""
    if not path.is_file():
        raise ConfigError(
            f"{path} does not exist; list the clients there, one a line: "
            "clients: [{name: arm-1, key: 'PUBLIC KEY', roles: [act]}]."
        )
    if path.stat().st_mode & 0o022:
        raise ConfigError(f"{path} can be written by others, who would decide who may act; run `chmod go-w {path}`.")
    found = config.load(path, AllowList)
    listed: dict[str, Listed] = {}
    names: set[str] = set()
    for client in found.clients:
        if not is_key(client.key):
            raise ConfigError(f"In {path}: the key of '{client.name}' is no public key (40 characters in Z85).")
        if client.key in listed or client.name in names:
            raise ConfigError(
                f"In {path}: '{client.name}' or its key is listed twice; each client has a line and a key."
            )
        if not client.roles:
            raise ConfigError(f"In {path}: '{client.name}' has no roles; give some of act, observe, control.")
        listed[client.key] = client
        names.add(client.name)
    return listed
