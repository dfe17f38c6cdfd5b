"""What makes two runs of a suite the same one, so that the second goes on where the first ended."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from sim.plants.xml_robot import is_robot_file, load_robot
from sim.suite.suite import Suite
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, DatasetError

# What judges and shares out the episodes changes none of them.
_FREE = ("workers", "limits", "baseline")
_ADVICE = "give another --out, or run the suite that it holds."


def identity_of(suite: Suite, bundles: dict[str, Bundle]) -> dict[str, Any]:
    """Return everything that decides the episodes, as plain values.

    Args:
        suite: What shall be run.
        bundles: By the tasks' names.
    """
    content = msgspec.to_builtins(suite)
    settings = {key: value for key, value in content.items() if key not in _FREE}
    hashes = {f"bundle of {task}": bundle.sha256 for task, bundle in bundles.items()}
    hashes |= {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files_of(suite, bundles)}
    return json.loads(json.dumps({**settings, "sha256": hashes}))


def require_same(path: Path, identity: dict[str, Any]) -> None:
    """Refuse a folder that holds the episodes of another suite; one that holds none takes this one.

    Args:
        path: Where the identity is kept.
        identity: Of the suite that shall be run.

    Raises:
        ConfigError: It is another suite; the sentence says in what.
        DatasetError: The file is damaged.
    """
    if not path.exists():
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
        return
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path} is damaged ({error}); {_ADVICE}") from error
    different = [key for key in sorted({*found, *identity}) if found.get(key) != identity.get(key)]
    if different:
        raise ConfigError(f"{path.parent} holds another suite: it differs in {', '.join(different)}; {_ADVICE}")


def files_of(suite: Suite, bundles: dict[str, Bundle]) -> list[Path]:
    """Return the files beside the suite's own and its bundles' that decide its episodes."""
    paths = [Path(each) for each in (suite.profile, suite.data) if each is not None]
    for task in suite.tasks:
        environment = task.environment or bundles[task.title].manifest.environment
        if is_robot_file(environment):
            robot = Path(environment)
            paths += [robot, Path(load_robot(robot).model)]
    for scenario in suite.scenarios:
        jitter = scenario.faults.transport_jitter
        if jitter is not None and jitter.trace is not None:
            paths.append(Path(jitter.trace))
    return paths
