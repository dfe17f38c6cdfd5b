"""A small training run: seconds to train, big enough to export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

OBSERVATION_SIZE = 4
ACTION_SIZE = 2


def write_ogbench_file(path: Path, *, num_episodes: int = 4, length: int = 30, seed: int = 0, **changes) -> Path:
    """Write a labelled npz of random episodes; `changes` replaces whole keys."""
    generator = np.random.default_rng(seed)
    rows = num_episodes * length
    terminals = np.zeros(rows, bool)
    terminals[length - 1 :: length] = True
    arrays = {
        "observations": generator.normal(size=(rows, OBSERVATION_SIZE)).astype(np.float32),
        "actions": generator.uniform(-1, 1, size=(rows, ACTION_SIZE)).astype(np.float32),
        "terminals": terminals,
        "rewards": generator.uniform(-1, 0, rows).astype(np.float32),
        "masks": np.ones(rows, np.float32),
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def config_content(data_path: Path, **changes) -> dict:
    """Return the content of a small configuration file; `changes` replaces top-level keys."""
    return {
        "name": "small",
        "batch_size": 16,
        "checkpoint_every": 5,
        "log_every": 5,
        "task": {
            "environment": "Test-v0",
            "control_period_s": 0.05,
            "action_kind": "delta",
            "observation": [
                {"name": "position", "size": 3, "unit": "m"},
                {"name": "opening", "size": 1, "unit": "1"},
            ],
            "action": [{"name": "change", "size": 2, "unit": "m", "low": -2.0, "high": 2.0}],
            "safe_action": [0.0, 0.0],
        },
        "data": {"path": str(data_path), "layout": "ogbench"},
        "reference": {"hidden_sizes": [16, 16], "num_steps": 3, "num_updates": 12},
        "critic": {"hidden_sizes": [16, 16], "num_updates": 14},
        "transport": {"num_particles": 3, "num_steps": 2, "samples_per_state": 4},
        **changes,
    }


def write_config(folder: Path, **changes) -> Path:
    """Write a small dataset and a configuration of it; returns the configuration's path."""
    data_path = write_ogbench_file(folder / "data.npz")
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config_content(data_path, **changes)))
    return path
