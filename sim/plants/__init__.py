"""Simulated plants behind one protocol, by name; no simulator is imported before one is opened."""

from sim.plants.catalogue import known_plants, knows_success, open_plant
from sim.plants.fit import require_divisible, require_fit
from sim.plants.plant import DivisiblePlant, Physics, Plant, Transition

__all__ = [
    "DivisiblePlant",
    "Physics",
    "Plant",
    "Transition",
    "known_plants",
    "knows_success",
    "open_plant",
    "require_divisible",
    "require_fit",
]
