"""From a run's checkpoints to one sealed bundle, by the verbs `export` and `eval` and the files that they write."""

from sim.selection.learning_curve import setting_text
from sim.selection.request import SelectionRequest, Sweep
from sim.selection.selecting import Selected, select

__all__ = ["Selected", "SelectionRequest", "Sweep", "select", "setting_text"]
