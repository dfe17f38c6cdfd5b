"""Backends by name; each is an entry point, so that one can come from another package."""

from __future__ import annotations

from importlib.metadata import entry_points

from vgf_robot.backends.graphs import Backend
from vgf_robot.errors import MachineError, suggestion

GROUP = "vgf_robot.backends"

# Which extra brings a library that a backend imports.
EXTRAS = {"onnxruntime": "cpu", "openvino": "openvino"}


def backend_names() -> list[str]:
    """Return the names of the backends there are, sorted; the library that one needs may be missing."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def installed_backends() -> list[str]:
    """Return the names of the backends whose library is installed, sorted."""
    return [name for name in backend_names() if _loads(name)]


def load_backend(name: str) -> Backend:
    """Import a backend by its name.

    Raises:
        MachineError: No backend has this name, or the library it needs is not installed.
    """
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        known = backend_names()
        hint = suggestion(name, known) if known else "none is: reinstall vgf-robot so that its entry points are known."
        raise MachineError(f"'{name}' is no installed backend; {hint}")
    try:
        return found[0].load()
    except ModuleNotFoundError as error:
        missing = error.name or "unknown"
        extra = EXTRAS.get(missing.split(".")[0])
        cure = f"pip install 'vgf-robot[{extra}]'" if extra else f"pip install {missing}"
        raise MachineError(
            f"Backend '{name}' needs the Python package '{missing}', which is not installed; run `{cure}`."
        ) from error


def _loads(name: str) -> bool:
    try:
        load_backend(name)
    except MachineError:
        return False
    return True
