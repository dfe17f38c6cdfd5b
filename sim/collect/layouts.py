"""Pieces of episodes as a dataset that `vgf-robot train` reads, in one of its three layouts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sim.collect.archive import replacing, write_archive
from sim.collect.recorded import Piece
from vgf_robot.errors import ConfigError, MachineError

Layout = Literal["ogbench", "d4rl", "minari"]
SUFFIXES: dict[str, Layout] = {".npz": "ogbench", ".hdf5": "d4rl"}


def layout_of(out: Path, layout: Layout | None) -> Layout:
    """Return the layout that was asked for, or the one that the name of the file says.

    Raises:
        ConfigError: Neither says it.
    """
    found = layout or SUFFIXES.get(out.suffix)
    if found is None:
        raise ConfigError(
            f"--out {out}: expected a name ending in .npz (OGBench's layout) or .hdf5 (D4RL's), or --layout minari for "
            "a folder."
        )
    return found


def write_pieces(pieces: Sequence[Piece], out: Path, layout: Layout, reward: float | None) -> None:
    """Write a dataset, whole or not at all.

    Args:
        pieces: Each becomes an episode that was cut off.
        out: The file, or with `minari` a folder that is not there yet.
        layout: Of `data.layout` in a training configuration.
        reward: Of every row; None leaves rewards out, which `ogbench` alone can do.

    Raises:
        ConfigError: No reward where there has to be one, or the folder is there.
        MachineError: A package that writes the layout is not installed.
    """
    if reward is None and layout != "ogbench":
        raise ConfigError(
            f"--layout {layout} has to have rewards, and a recording has none; give --reward NUMBER for every row, or "
            "write an .npz and add them there."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    _WRITERS[layout](pieces, out, reward)


def _write_ogbench(pieces: Sequence[Piece], out: Path, reward: float | None) -> None:
    arrays = _rows(pieces)
    arrays["terminals"] = _ends(pieces)
    if reward is not None:
        arrays["rewards"] = np.full(len(arrays["terminals"]), reward, np.float32)
        arrays["masks"] = np.ones(len(arrays["terminals"]), np.float32)
    write_archive(out, list(arrays), len(arrays["terminals"]), lambda key: [arrays[key]])


def _write_d4rl(pieces: Sequence[Piece], out: Path, reward: float | None) -> None:
    try:
        import h5py
    except ImportError as error:
        raise _missing("h5py", error) from error
    arrays, ends = _rows(pieces), _ends(pieces)
    arrays |= {"rewards": np.full(len(ends), reward, np.float32), "terminals": np.zeros_like(ends), "timeouts": ends}
    with replacing(out) as temporary, h5py.File(temporary, "w") as file:
        for key, array in arrays.items():
            file.create_dataset(key, data=array, compression="gzip")


def _write_minari(pieces: Sequence[Piece], out: Path, reward: float | None) -> None:
    try:
        from gymnasium.spaces import Box
        from minari.data_collector import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage
    except ImportError as error:
        raise _missing("minari", error) from error
    if out.exists():
        raise ConfigError(f"--out {out} is there already; give a folder that is not, or remove it.")
    sizes = pieces[0].observations.shape[1], pieces[0].actions.shape[1]
    observations, actions = (Box(-np.inf, np.inf, (size,), np.float32) for size in sizes)
    # Absolute, since the package joins a relative path to itself.
    draft = out.absolute().with_name(f".{out.name}.{os.getpid()}.draft")
    draft.mkdir()
    try:
        storage = MinariStorage.new(draft / "data", observations, actions)
        storage.update_episodes(
            EpisodeBuffer(id=number, **_episode(piece, reward)) for number, piece in enumerate(pieces)
        )
        storage.update_metadata({"dataset_id": f"recording/{out.name}-v0", "minari_version": version("minari")})
        draft.replace(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _episode(piece: Piece, reward: float | None) -> dict[str, Any]:
    """Return what Minari calls an episode of T steps: one observation more, as the last one has no action."""
    steps = len(piece.actions) - 1
    return {
        "observations": piece.observations,
        "actions": piece.actions[:-1],
        "rewards": np.full(steps, reward, np.float64),
        "terminations": np.zeros(steps, bool),
        "truncations": np.arange(steps) == steps - 1,
        "infos": {},
    }


_WRITERS: dict[Layout, Callable[[Sequence[Piece], Path, float | None], None]] = {
    "ogbench": _write_ogbench,
    "d4rl": _write_d4rl,
    "minari": _write_minari,
}


def _rows(pieces: Sequence[Piece]) -> dict[str, np.ndarray]:
    return {
        "observations": np.concatenate([piece.observations for piece in pieces]),
        "actions": np.concatenate([piece.actions for piece in pieces]),
    }


def _ends(pieces: Sequence[Piece]) -> np.ndarray:
    """Return which rows are the last of their piece: in every layout such a row begins no transition."""
    ends = np.cumsum([len(piece.actions) for piece in pieces]) - 1
    return np.isin(np.arange(ends[-1] + 1), ends)


def _missing(package: str, error: ImportError) -> MachineError:
    return MachineError(f"This layout needs the package {package} ({error}); pip install 'vgf-robot[train]'.")
