"""The one-step network beside a run's checkpoints: one file, which knows the flow that it was distilled from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from policies.distillation import new_student
from policies.reference import OneStepActor
from policies.run_folder import RunFolder
from vgf_robot.errors import RunError

NAME = "one-step.safetensors"


def write_student(run: RunFolder, student: OneStepActor, flow: nn.Module, facts: dict[str, str]) -> Path:
    """Write the network into the run's folder, whole or not at all; one that is there is replaced.

    Args:
        run: The run.
        student: The network.
        flow: What it was distilled from.
        facts: What else is to be known of it.
    """
    path = run.path / NAME
    unfinished = path.with_suffix(".unfinished")
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in student.state_dict().items()}
    save_file(tensors, unfinished, {"flow_sha256": fingerprint(flow), **facts})
    unfinished.replace(path)
    return path


def read_student(run: RunFolder, flow: nn.Module) -> tuple[OneStepActor, dict[str, str]]:
    """Return the network and what is known of it.

    Args:
        run: The run.
        flow: The reference policy that it has to be distilled from.

    Raises:
        RunError: There is none, it is damaged, or it was distilled from another reference policy.
    """
    path, again = run.path / NAME, f"run `vgf-robot distil {run.path}`"
    if not path.is_file():
        raise RunError(f"{run.path} has no one-step reference, {NAME}; {again}.")
    student = new_student(run.config())
    try:
        with safe_open(path, framework="pt") as file:
            facts = dict(file.metadata() or {})
            student.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, RuntimeError) as error:
        raise RunError(f"{path} cannot be read ({error}); {again}.") from error
    if facts.get("flow_sha256") != fingerprint(flow):
        raise RunError(f"{path} was distilled from another reference policy than this checkpoint's; {again}.")
    return student, facts


def fingerprint(module: nn.Module) -> str:
    """Return the sha256 of a network's numbers, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
