"""The folder of a selection under way: what is there and fits is not made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from sim.run_files import Checkpoint
from sim.selection.request import Sweep
from vgf_robot import config
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BundleError, ConfigError

Content = dict[str, Any]


class WorkFolder:
    """Bundles and evaluations by checkpoint, the choice, and the report on it.

    Args:
        path: The folder; made by `begin`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log.txt"
        self.plot = path / "learning-curve.html"
        self.chosen = path / "chosen.json"
        self.sealed = path / "sealed"
        self._sweep = path / "sweep.yaml"

    def begin(self, sweep: Sweep) -> None:
        """Make the folder for this sweep, or find it made for the same one.

        Raises:
            ConfigError: It holds another sweep's evaluations, which could not be compared with these.
        """
        if self._sweep.exists() and self._holds_anything():
            before = config.load(self._sweep, Sweep)
            for name in Sweep.__struct_fields__:
                if (found := getattr(before, name)) != (asked := getattr(sweep, name)):
                    raise ConfigError(
                        f"{self.path} holds evaluations with {name} {_shown(found)}, found {_shown(asked)} asked for; "
                        "ask for the same to go on with them, or name another folder with `--work`."
                    )
            return
        self.path.mkdir(parents=True, exist_ok=True)
        config.dump(sweep, self._sweep)

    def _holds_anything(self) -> bool:
        return any((self.path / name).exists() for name in ("bundles", "evaluations"))

    def bundle_path(self, checkpoint: Checkpoint) -> Path:
        """Return where the checkpoint's bundle lies."""
        return self.path / "bundles" / checkpoint.name

    def evaluation_path(self, checkpoint: Checkpoint) -> Path:
        """Return where the checkpoint's evaluation lies."""
        return self.path / "evaluations" / f"{checkpoint.name}.json"

    def report_path(self, bundle: Bundle, seed: int, episodes: int) -> Path:
        """Return where the sealed bundle's report lies; another choice has another one."""
        return self.path / f"report-{bundle.sha256[:12]}-seed{seed}-episodes{episodes}.json"

    def bundle(self, checkpoint: Checkpoint) -> Bundle | None:
        """Return the checkpoint's bundle, or None where there is none yet.

        Raises:
            BundleError: It is damaged, or was made from other networks.
        """
        path = self.bundle_path(checkpoint)
        if not path.exists():
            return None
        bundle = Bundle.load(path)
        found, expected = bundle.manifest.provenance.get("checkpoint_sha256"), checkpoint.sha256()
        if found != expected:
            raise BundleError(
                f"{path} was exported from other networks than {checkpoint.path}: its checkpoint_sha256 is {found}, "
                f"expected {expected}; remove {self.path}, or name another folder with `--work`."
            )
        return bundle


def evaluation_of(path: Path, bundle: Bundle, settings: Mapping[str, Any]) -> Content | None:
    """Return an evaluation that is there, or None where there is none or it was interrupted.

    Args:
        path: What `vgf-robot eval --json` wrote.
        bundle: Of which it has to be.
        settings: With which it has to be made.

    Raises:
        BundleError: It is no evaluation, or of another bundle.
        ConfigError: It was made with other settings.
    """
    if not path.exists():
        return None
    content = _read(path)
    found: Content = content["settings"]
    if found.get("bundle_sha256") != bundle.sha256:
        raise BundleError(
            f"{path} is an evaluation of another bundle: its bundle_sha256 is {found.get('bundle_sha256')}, expected "
            f"{bundle.sha256} of {bundle.folder}; remove it to evaluate again."
        )
    if found.get("interrupted"):
        return None
    for name, expected in settings.items():
        if found.get(name) != expected:
            raise ConfigError(
                f"{path} was evaluated with {name} {found.get(name)}, expected {expected}; remove it to evaluate again."
            )
    return content


def _read(path: Path) -> Content:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path} is no evaluation ({error}); remove it to evaluate again.") from error
    sound = isinstance(content, dict) and content.get("verb") == "eval"
    if not sound or not isinstance(content.get("settings"), dict) or not isinstance(content.get("rows"), list):
        raise BundleError(f"{path} is no evaluation; remove it to evaluate again.")
    return content


def _shown(value: object) -> str:
    """Return a value as on the command line."""
    if value is None or value == ():
        return "not given"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(msgspec.to_builtins(value))
