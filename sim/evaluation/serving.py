"""A server of our own, in its own process on this machine, for as long as an evaluation lasts."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
    options = ["--bind", "tcp://127.0.0.1:*", "--backend", backend, "--threads", str(threads)]
    # A file and not a pipe: nobody reads while the episodes run, and a full pipe would lose the last words.
    with tempfile.TemporaryDirectory() as folder:
        # An interrupt between the start and the `try` would leave a server that nobody knows of.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            command = [sys.executable, "-c", _COMMAND, "serve", str(bundle), *options]
            server = ServerProcess(command, Path(folder) / "output")
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                server.wait_ready()
                yield server
            finally:
                server.stop()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class ServerProcess:
    """A server of our own.

    Attributes:
        endpoint: Where it listens; empty until it does.
    """

    def __init__(self, command: list[str], output: Path) -> None:
        self.endpoint = ""
        self._output = output
        with output.open("w") as file:
            # A group of its own: an interrupt from the keyboard ends the evaluation first, and that ends the server.
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)

    def wait_ready(self) -> None:
        """Wait until the server has said where it listens."""
        until_ns = time.monotonic_ns() + round(_START_S * 1e9)
        while not (found := _READY.search(self._said())):
            self.require_alive()
            if time.monotonic_ns() > until_ns:
                raise ServerError(f"The server was not ready within {_START_S:g} s; it said: {self._last_words()}")
            time.sleep(_POLL_S)
        self.endpoint = found.group(1)

    def require_alive(self) -> None:
        """Say why the server ended, where it has.

        Raises:
            ServerError: With the last line that it wrote.
        """
        if (code := self._process.poll()) is not None:
            raise ServerError(f"The server of this evaluation ended with exit code {code}: {self._last_words()}")

    def stop(self) -> None:
        """Ask the server to end, and wait until it has."""
        if self._process.poll() is not None:
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
