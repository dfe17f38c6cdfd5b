"""The reference policy of another run, taken as it is: methods that are compared need not each train the same one."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from torch import Tensor

from policies import checkpoint
from policies.config import TrainConfig
from policies.run_folder import ROWS, RunFolder
from vgf_robot.errors import RunError


def borrow_reference(
    run: RunFolder, config: TrainConfig, facts: Mapping[str, object]
) -> tuple[TrainConfig, dict[str, Tensor]]:
    """Return the configuration that says how a borrowed reference policy was trained, and its weights.

    Args:
        run: Who lends it.
        config: Of the run that borrows.
        facts: Of its data, as a run folder keeps them.

    Raises:
        RunError: The other run has not finished its reference, or that one is of other data or another network.
    """
    theirs, (tensors, progress) = run.config(), checkpoint.read(run.newest_checkpoint())
    if progress.reference_updates < theirs.reference.num_updates:
        raise RunError(
            f"{run.path} cannot lend its reference policy yet: it has had {progress.reference_updates} of "
            f"{theirs.reference.num_updates} updates; let its training go on with `--resume`."
        )
    for name in ("kind", "hidden_sizes"):
        expected, found = getattr(config.reference, name), getattr(theirs.reference, name)
        if expected != found:
            raise _other(run, f"reference.{name} is {found} there and {expected} here")
    if name := run.differing_fact(facts, ROWS):
        raise _other(run, f"its data are others ({name} in dataset.json)")
    if theirs.data.observation_scaling != config.data.observation_scaling:
        raise _other(run, f"data.observation_scaling is {theirs.data.observation_scaling} there")
    if theirs.action_limits() != config.action_limits():
        raise _other(run, "the limits in task.action are others")
    reference = msgspec.structs.replace(
        theirs.reference, num_steps=config.reference.num_steps, taken_from=str(run.path)
    )
    return msgspec.structs.replace(config, reference=reference), checkpoint.without_prefix("models.reference", tensors)


def _other(run: RunFolder, why: str) -> RunError:
    return RunError(f"{run.path} cannot lend its reference policy: {why}; name another run, or train one here.")
