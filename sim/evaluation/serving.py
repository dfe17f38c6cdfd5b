"""A server of our own, in its own process on this machine, for as long as an evaluation lasts."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vgf_robot.errors import ServerError

# It is started while these signals are held back, and would never hear them.
_COMMAND = (
    "import signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); "
    "from vgf_robot.verbs import main; sys.exit(main())"
)
_ENDING = {signal.SIGINT, signal.SIGTERM}
_READY = re.compile(r"^ready: .* at (tcp://\S+)$", re.MULTILINE)
_ANY_PORT = "tcp://127.0.0.1:*"
_START_S = 60.0  # it loads the bundle and warms up before it listens
_POLL_S = 0.05
_STOP_S = 10.0


@contextmanager
def serving(bundle: Path, backend: str, threads: int) -> Iterator[ServerProcess]:
    """Start `vgf-robot serve` on a free loopback port, wait until it is ready, and stop it at the end.

    Args:
        bundle: The bundle's folder.
        backend: Name of the backend.
        threads: Threads of the backend.

    Raises:
        ServerError: It ended before it was ready, or took longer than a minute.
    """
    options = ["--bind", _ANY_PORT, "--backend", backend, "--threads", str(threads)]
    # A file and not a pipe: nobody reads while the episodes run, and a full pipe would lose the last words.
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(["serve", str(bundle), *options], Path(folder) / "output")
        try:
            server.start()
            server.wait_ready()
            yield server
        finally:
            server.stop()


class ServerProcess:
    """A server of our own.

    Attributes:
        endpoint: Where it listens; empty until it does.
    """

    def __init__(self, arguments: Sequence[str], output: Path) -> None:
        """Make a server that is not there yet.

        Args:
            arguments: Of `vgf-robot`.
            output: File for what it writes.
        """
        self.endpoint = ""
        self._arguments = arguments
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._away = True

    @property
    def away(self) -> bool:
        """Whether it broke down, or was started and has not said yet that it listens.

        Raises:
            ServerError: It ended by itself.
        """
        if self._away and self._process is not None:
            self.require_alive()
            self._away = not _READY.search(self._said())
        return self._away

    def start(self) -> None:
        """Start it; where it has listened before, it will again."""
        arguments = [self.endpoint or part if part == _ANY_PORT else part for part in self._arguments]
        # An interrupt between the start and the note of it would leave a server that nobody knows of.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            with self._output.open("w") as file:
                # A group of its own: an interrupt from the keyboard ends the evaluation, and that ends the server.
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _COMMAND, *arguments],
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def wait_ready(self) -> None:
        """Wait until the server has said where it listens."""
        until_ns = time.monotonic_ns() + round(_START_S * 1e9)
        while self.away:
            if time.monotonic_ns() > until_ns:
                raise ServerError(f"The server was not ready within {_START_S:g} s; it said: {self._last_words()}")
            time.sleep(_POLL_S)
        found = _READY.search(self._said())
        self.endpoint = self.endpoint if found is None else found.group(1)

    def require_alive(self) -> None:
        """Say why the server ended, where it has.

        Raises:
            ServerError: With the last line that it wrote.
        """
        if self._process is not None and (code := self._process.poll()) is not None:
            raise ServerError(f"The server of this evaluation ended with exit code {code}: {self._last_words()}")

    def crash(self) -> None:
        """Kill it, as a break-down would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process, self._away = None, True

    def recover(self) -> None:
        """Start it again, unless it has been; returns at once."""
        if self._process is None:
            self.start()

    def stop(self) -> None:
        """Ask the server to end, and wait until it has."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _said(self) -> str:
        return self._output.read_text()

    def _last_words(self) -> str:
        lines = [line for line in self._said().splitlines() if line.strip()]
        return lines[-1] if lines else "nothing"
