"""Checkpoints as safetensors: networks, optimisers and generator, written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vgf_robot.errors import RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come: updates of the reference, then of the critic."""

    reference_updates: int
    critic_updates: int


def write(path: Path, tensors: dict[str, Tensor], progress: Progress) -> None:
    """Write a checkpoint atomically: a run that dies meanwhile keeps its previous one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "reference_updates": str(progress.reference_updates),
        "critic_updates": str(progress.critic_updates),
    }
    unfinished = path.with_suffix(".unfinished")
    save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, unfinished, metadata)
    unfinished.replace(path)


def read(path: Path) -> tuple[dict[str, Tensor], Progress]:
    """Read a checkpoint.

    Raises:
        RunError: The file is missing, damaged, or no checkpoint of this program.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (safe_open is no mapping)
        progress = Progress(
            reference_updates=int(metadata["reference_updates"]), critic_updates=int(metadata["critic_updates"])
        )
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RunError(
            f"Checkpoint {path} cannot be read ({error}); delete it to go on from the one before."
        ) from error
    return tensors, progress


def prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put a prefix before every name."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose name starts with the prefix, without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def adam_state(optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """Return Adam's moments and step counts by parameter number."""
    state = optimiser.state_dict()["state"]
    return {f"{number}.{name}": tensor for number, entry in state.items() for name, tensor in entry.items()}


def load_adam_state(optimiser: torch.optim.Adam, tensors: dict[str, Tensor]) -> None:
    """Put back what `adam_state` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
