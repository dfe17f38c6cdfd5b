"""The particles' way from the reference to the chosen action, made again from what was told of a tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Bundle
from vgf_robot.errors import VgfError
from vgf_robot.recording import Rerun
from vgf_robot.telemetry import TickRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One tick's particles.

    Attributes:
        path: Shape (S + 1, N, A), in normalised action units: from the reference to the last of S steps.
        chosen: Index of the chosen one.
    """

    path: NDArray[np.float32]
    chosen: int


@final
class FlowMaker:
    """Runs ticks again on the bundle that they were run on.

    Args:
        bundle: Its hash has to be that of the ticks.

    Attributes:
        note: Why the last tick gave nothing, a sentence; empty where it did.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.note = ""
        self._bundle = bundle
        self._rerun = Rerun(bundle)

    def flow(self, tick: TickRecord) -> Flow | None:
        """Return the way of a tick's particles; None where it had none, or they cannot be known."""
        self.note = ""
        if tick.bundle_sha256 != self._bundle.sha256:
            self.note = (
                f"The ticks are of another bundle: expected {self._bundle.sha256[:12]}, found "
                f"{tick.bundle_sha256[:12]} ({tick.bundle}); give it with --bundle."
            )
            return None
        try:
            replayed = self._rerun.run(tick)
        except VgfError as error:
            self.note = str(error)
            return None
        if replayed.path is None or replayed.index is None:
            self.note = f"The last tick drew no particles: its action is '{tick.rung.value}'."
            return None
        return Flow(path=replayed.path, chosen=replayed.index)
