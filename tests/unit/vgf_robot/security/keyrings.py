"""Folders of keys, as `keygen` and a text editor leave them."""

from __future__ import annotations

from pathlib import Path

from vgf_robot.security import ClientKeys, ServerKeys, write_key_pair


class Keyring:
    """A server's folder with its list of clients, and a folder for each client."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = home / "server"
        self.publics = {"server": write_key_pair(self.server, "server").public}
        self.list()

    def client(self, name: str, server_key: Path | None = None) -> ClientKeys:
        """Return the keys of a client, made at the first time."""
        folder = self.home / name
        if name not in self.publics:
            self.publics[name] = write_key_pair(folder, name).public
        return ClientKeys.load(folder, server_key or self.server / "server.public")

    def list(self, **roles: str) -> None:
        """Write the list anew: `robot="act observe"`; who is not named is not in it."""
        lines = [
            f"- {{name: {name}, key: '{self.client(name).pair.public}', roles: [{', '.join(words.split())}]}}"
            for name, words in roles.items()
        ]
        self.write("\n".join(["clients:", *lines]) if lines else "clients: []")

    def write(self, text: str) -> None:
        """Put a text in the place of the list at once, as a careful editor does."""
        draft = self.server / "draft"
        draft.write_text(text + "\n")
        draft.rename(self.server / "clients.yaml")

    def keys(self) -> ServerKeys:
        """Return the server's."""
        return ServerKeys.load(self.server)
