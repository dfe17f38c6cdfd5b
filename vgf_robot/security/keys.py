"""Key files: one line of Z85 each, the secret one for its owner alone."""

from __future__ import annotations

import os
import re
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import zmq
from zmq.utils import z85

from vgf_robot.errors import ConfigError, MachineError

SECRET_SUFFIX, PUBLIC_SUFFIX = ".secret", ".public"
ALLOW_LIST = "clients.yaml"
SERVER_KEY = f"server{PUBLIC_SUFFIX}"
# The name of a file, and as it is of a client in a list.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# 32 bytes in Z85, ZeroMQ's own way to write keys.
KEY_LENGTH = 40
# A key file is read up to here: whatever lies there in its place may be large.
_MOST_BYTES = 1024


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Who somebody is.

    Attributes:
        public: Z85, 40 characters; what others know of it.
        secret: Z85, 40 characters; never shown.
    """

    public: str
    secret: str = field(repr=False)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKeys:
    """What a server needs.

    Attributes:
        pair: Its own.
        clients: File that lists its clients and their roles.
    """

    pair: KeyPair
    clients: Path

    @staticmethod
    def load(place: str | Path) -> ServerKeys:
        """Read the one secret key of a folder, beside which `clients.yaml` lies.

        Args:
            place: The folder, or the path of the `.secret` file.

        Raises:
            ConfigError: There is no such key, it is damaged, or others can read it.
        """
        path = _secret_file(Path(place))
        return ServerKeys(pair=_read_pair(path), clients=path.with_name(ALLOW_LIST))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKeys:
    """What a client needs.

    Attributes:
        pair: Its own.
        server: Public key of the server, Z85: whoever has another one is not the server.
    """

    pair: KeyPair
    server: str

    @staticmethod
    def load(place: str | Path, server_key: str | Path | None = None) -> ClientKeys:
        """Read the one secret key of a folder, and the server's public one.

        Args:
            place: The folder, or the path of the `.secret` file.
            server_key: File with the server's public key; None for `server.public` in that folder.

        Raises:
            ConfigError: There is no such key, it is damaged, or others can read the secret one.
        """
        path = _secret_file(Path(place))
        server = path.with_name(SERVER_KEY) if server_key is None else Path(server_key)
        return ClientKeys(pair=_read_pair(path), server=_read_public(server))

    @staticmethod
    def spoken(keys: str | None, server_key: str | None) -> ClientKeys | None:
        """Return what --keys and --server-key of a command line name; None where it names none.

        Raises:
            ConfigError: As for `load`, or there is a --server-key alone.
        """
        if keys is not None:
            return ClientKeys.load(keys, server_key)
        if server_key is not None:
            raise ConfigError("--server-key says who the server is, and --keys who you are; give both, or neither.")
        return None


def write_key_pair(folder: Path, name: str) -> KeyPair:
    """Make a key pair and write `NAME.secret` (mode 0600) and `NAME.public` into the folder, which is made if missing.

    Raises:
        ConfigError: The name is no file name, or one of the files is there already: keys are never overwritten.
        MachineError: The installed ZeroMQ knows no CURVE, or the disk is full; no half of a pair is left.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"'{name}' is no name for a key; give letters, digits and - _ . alone, such as arm-1.")
    secret, public = folder / f"{name}{SECRET_SUFFIX}", folder / f"{name}{PUBLIC_SUFFIX}"
    for path in (secret, public):
        if os.path.lexists(path):
            raise ConfigError(f"{path} is there already and is not overwritten; choose another --name or --out.")
    require_curve()
    public_key, secret_key = zmq.curve_keypair()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _write_new(secret, secret_key, 0o600)
        _write_new(public, public_key, 0o644)
    except OSError as error:  # half a pair would be in the way of the next one
        secret.unlink(missing_ok=True)
        public.unlink(missing_ok=True)
        raise MachineError(f"No key can be written to {folder} ({error.strerror}); choose another --out.") from error
    return KeyPair(public=public_key.decode(), secret=secret_key.decode())


def require_curve() -> None:
    """Refuse to go on without encryption where keys are asked for.

    Raises:
        MachineError: The installed ZeroMQ knows no CURVE.
    """
    if not zmq.has("curve"):
        raise MachineError("The installed ZeroMQ was built without CURVE; install pyzmq from its wheel.")


def is_key(text: str) -> bool:
    """Whether this is a public or secret key in Z85."""
    try:
        return len(text) == KEY_LENGTH and len(z85.decode(text.encode("ascii"))) == 32
    except (UnicodeEncodeError, KeyError, struct.error):  # not its alphabet, or five characters above 32 bits
        return False


def _secret_file(place: Path) -> Path:
    """Return the path of the secret key, where a folder holds exactly one."""
    if not place.is_dir():
        if place.suffix != SECRET_SUFFIX:
            raise ConfigError(
                f"{place} is neither a folder with a key nor a {SECRET_SUFFIX} file; `vgf-robot keygen --out {place}` "
                "makes a key."
            )
        return place
    found = sorted(place.glob(f"*{SECRET_SUFFIX}"))
    if not found:
        raise ConfigError(f"No secret key (*{SECRET_SUFFIX}) in {place}; `vgf-robot keygen --out {place}` makes one.")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ConfigError(f"{place} holds {len(found)} secret keys ({names}); give the path of the one that is meant.")
    return found[0]


def _read_pair(path: Path) -> KeyPair:
    require_curve()
    secret = _read_key(path, "secret", private=True)
    return KeyPair(public=zmq.curve_public(secret.encode()).decode(), secret=secret)


def _read_public(path: Path) -> str:
    try:
        return _read_key(path, "public", private=False)
    except FileNotFoundError as error:
        raise ConfigError(
            f"The server's public key is not at {path}; copy it there, or say where it is with --server-key."
        ) from error


def _read_key(path: Path, kind: str, *, private: bool) -> str:
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that what is checked is what is read.
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MOST_BYTES)
    except FileNotFoundError:
        if not private:
            raise
        raise ConfigError(f"{path} does not exist; `vgf-robot keygen --out {path.parent}` makes a key.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; expected a {kind} key.") from error
    if private and mode & 0o077:
        raise ConfigError(
            f"{path} can be read by others (mode {stat.S_IMODE(mode):04o}, expected 0600): make a new key, or where "
            f"nobody has read it, run `chmod 600 {path}`."
        )
    # What was found is not shown: it may be a secret in the wrong place.
    text = content.decode("ascii", "replace").strip()
    if not is_key(text):
        raise ConfigError(
            f"{path} holds no {kind} key, expected one line of {KEY_LENGTH} characters in Z85; copy it anew."
        )
    return text


def _write_new(path: Path, key: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already and is not overwritten; choose another --name or --out.") from error
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask took away or the file system added
        file.write(key + b"\n")
