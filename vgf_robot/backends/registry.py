"""Backends by name; each is an entry point, so that one can come from another package."""

from __future__ import annotations

from importlib.metadata import entry_points

from vgf_robot.backends.graphs import Backend
from vgf_robot.errors import ConfigError, MachineError, suggestion

GROUP = "vgf_robot.backends"

# Which extra brings a library that a backend imports.
EXTRAS = {"onnxruntime": "cpu", "openvino": "openvino", "tensorrt": "tensorrt"}
# The same package in another build.
EXTRAS_BY_BACKEND = {"onnxruntime-cuda": {"onnxruntime": "gpu"}, "onnxruntime-tensorrt": {"onnxruntime": "gpu"}}

# The simpler first: of two that are equally fast, this one is taken. Others come after these, by their names.
ORDER = ("onnxruntime-cpu", "openvino-cpu", "onnxruntime-cuda", "onnxruntime-tensorrt", "tensorrt")


def backend_names() -> list[str]:
    """Return the names of the backends there are, the simpler first; the library that one needs may be missing."""
    names = {entry.name for entry in entry_points(group=GROUP)}
    return [*(name for name in ORDER if name in names), *sorted(names.difference(ORDER))]


def installed_backends() -> list[str]:
    """Return the names of the backends whose library and device are there, the simpler first."""
    return [name for name in backend_names() if why_not(name) is None]


def why_not(name: str) -> str | None:
    """Return the sentence that says why a backend cannot be used here; None where it can."""
    try:
        load_backend(name)
    except MachineError as error:
        return str(error)
    return None


def load_backend(name: str) -> Backend:
    """Import a backend by its name.

    Raises:
        ConfigError: No backend has this name.
        MachineError: There are no backends at all, or the library or the device that it needs is not there.
    """
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        known = backend_names()
        if not known:
            raise MachineError(
                f"'{name}' is no installed backend; none is: reinstall vgf-robot so that its entry points are known."
            )
        raise ConfigError(f"'{name}' is no installed backend; {suggestion(name, known)}")
    try:
        backend: Backend = found[0].load()
    except ModuleNotFoundError as error:
        missing = error.name or "unknown"
        extra = (EXTRAS | EXTRAS_BY_BACKEND.get(name, {})).get(missing.split(".")[0])
        cure = f"pip install 'vgf-robot[{extra}]'" if extra else f"pip install {missing}"
        raise MachineError(
            f"Backend '{name}' needs the Python package '{missing}', which is not installed; run `{cure}`."
        ) from error
    except (ImportError, OSError) as error:  # a package is there, and the libraries under it are not
        raise MachineError(
            f"Backend '{name}' has its Python package, whose libraries do not load ({' '.join(str(error).split())}); "
            "install them as docs/backends.md says, or choose another backend, such as onnxruntime-cpu."
        ) from error
    if require := getattr(backend, "require", None):
        require()
    return backend
