"""A bundle that is loaded in a process of its own before it is loaded into a running server.

A backend other than ONNX Runtime's CPU in float32 is compared with that when it first opens a bundle on a device, and
some build engines: seconds of Python, and a thread that is busy with it makes ticks wait (see `reload`). What comes of
it lies in the user's cache folder afterwards, so that loading the bundle once more is quick.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import final

import msgspec

from vgf_robot.errors import BundleError, VgfError
from vgf_robot.receipts import FLOAT32, STANDARD, split_name
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.settings import ServeSettings

# Without the folder it is started from, where modules of the same names may lie.
_PROGRAM = "import sys; del sys.path[0]; from vgf_robot.wire.rehearsal import main; main()"


@final
class Rehearsal:
    """Loads a bundle as a server would, elsewhere; without a backend that needs it, a call does nothing.

    Args:
        source: A folder or the name of a shipped bundle.
        settings: The server's.
    """

    def __init__(self, source: str | Path, settings: ServeSettings) -> None:
        backend, precision = split_name(settings.backend)
        self._needed = (backend, precision or FLOAT32) != (STANDARD, FLOAT32)
        self._command = [sys.executable, "-c", _PROGRAM, str(source), msgspec.json.encode(settings).decode()]
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def __call__(self) -> None:
        """Wait until it is loaded there; for a thread.

        Raises:
            BundleError: It cannot be.
        """
        if not self._needed:
            return
        with subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True) as process:
            self._process = process
            if self._stopped:
                process.kill()
            said = process.communicate()[0].strip()
        if process.returncode:
            code = f"Loading it in a process of its own ended with code {process.returncode}; see standard error."
            raise BundleError(said or code)

    def stop(self) -> None:
        """Have a call that waits come to its end."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()


def main() -> None:
    """Load what the command line says; print what is wrong with it."""
    try:
        ServedBundle.load(sys.argv[1], msgspec.json.decode(sys.argv[2], type=ServeSettings))
    except VgfError as error:
        print(error)
        sys.exit(2)
