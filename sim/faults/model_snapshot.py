"""What faults may change of a model, kept so that it can be set back."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from sim.faults.model import CHANGED


@final
class ModelSnapshot:
    """The numbers of one model as they were."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._arrays = {name: np.array(getattr(model, name)) for name in CHANGED}
        self._gravity = np.array(model.opt.gravity)
        self._meaninertia = float(model.stat.meaninertia)

    def restore(self) -> None:
        """Set everything back, to the last bit."""
        for name, values in self._arrays.items():
            getattr(self._model, name)[:] = values
        self._model.opt.gravity[:] = self._gravity
        self._model.stat.meaninertia = self._meaninertia
