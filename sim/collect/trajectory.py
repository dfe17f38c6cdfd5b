"""One episode, row by row, in OGBench's keys and types."""

from __future__ import annotations

from typing import Any, final

import numpy as np

Episode = dict[str, np.ndarray]
"""OGBench's arrays of one episode, row-aligned: observations (T, O), actions (T, A), terminals (T,), qpos (T, Q),
qvel (T, V), and button_states (T, B) where there are buttons."""

_DTYPES: dict[str, Any] = {"terminals": np.bool_, "button_states": np.int64}


def dtype_of(key: str) -> np.dtype:
    """Return the type in which OGBench's files store a key: float32, bool for terminals, int64 for buttons."""
    return np.dtype(_DTYPES.get(key, np.float32))


@final
class Trajectory:
    """Gathers the rows of one episode."""

    def __init__(self) -> None:
        self._rows: dict[str, list[np.ndarray]] = {}

    def append(self, observation: np.ndarray, action: np.ndarray, info: dict[str, Any]) -> None:
        """Add one step.

        Args:
            observation: Before the action, shape (O,).
            action: What was applied, shape (A,), -1 to 1.
            info: What the environment's step returned; its `prev_` entries are the state before the action, so
                that every key of a row speaks of the same instant.
        """
        row = {"observations": observation, "actions": action, "qpos": info["prev_qpos"], "qvel": info["prev_qvel"]}
        if "prev_button_states" in info:
            row["button_states"] = info["prev_button_states"]
        for key, value in row.items():
            self._rows.setdefault(key, []).append(np.array(value))

    def finish(self) -> Episode:
        """Return the episode; its last row is the terminal one."""
        episode = {key: np.array(values, dtype=dtype_of(key)) for key, values in self._rows.items()}
        terminals = np.zeros(len(episode["observations"]), dtype=dtype_of("terminals"))
        terminals[-1] = True
        return {**episode, "terminals": terminals}
