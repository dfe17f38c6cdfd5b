"""Simulated plants behind one protocol, by name; no simulator is imported before one is opened."""

from sim.plants.catalogue import known_plants, knows_success, open_plant
from sim.plants.fit import require_fit
from sim.plants.plant import Plant, Transition

__all__ = ["Plant", "Transition", "known_plants", "knows_success", "open_plant", "require_fit"]
