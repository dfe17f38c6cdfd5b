"""One setting of the controller, as a row of the result names it."""

from __future__ import annotations

from dataclasses import dataclass

from vgf_robot.bundle.manifest import Selection
from vgf_robot.controller.budget import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one row of the result was run at; equal settings are run once.

    Attributes:
        num_particles: N.
        max_steps: Transport steps L.
        step_size: Size of one step, in normalised action units; None where there is no step.
        selection: How one particle is chosen; None where there is only one.
    """

    num_particles: int
    max_steps: int
    step_size: float | None
    selection: Selection | None

    @classmethod
    def of(cls, num_particles: int, max_steps: int, step_size: float, selection: Selection) -> Setting:
        """Return the setting without what it does not depend on, so that equal behaviour is equal."""
        return cls(
            num_particles=num_particles,
            max_steps=max_steps,
            step_size=step_size if max_steps > 0 else None,
            selection=selection if num_particles > 1 else None,
        )

    def budget(self) -> Budget:
        """Return the request that asks for this setting."""
        return Budget(
            num_particles=self.num_particles,
            max_steps=self.max_steps,
            step_size=self.step_size,
            selection=self.selection,
        )
