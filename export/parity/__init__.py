"""Parity: the exported graphs, run by the deployed backend, against the networks they were made from.

A graph can be wrong in ways that a single input does not show, most notoriously with a gradient frozen as a constant.
So every input varies: observations from the data, particles and optimiser states from real flows, every step index,
two step sizes, distances that bind and that do not.
"""

from export.parity.check import Check
from export.parity.variant import check_reference, check_variant

__all__ = ["Check", "check_reference", "check_variant"]
