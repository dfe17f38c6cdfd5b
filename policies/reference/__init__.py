"""What draws particles from noise: the reference policies, and cheaper ways to draw the same."""

from policies.reference.agreement import Agreement, agreement
from policies.reference.flow import FlowReference
from policies.reference.gaussian import GaussianReference
from policies.reference.midpoint import Midpoint
from policies.reference.one_step import OneStepActor
from policies.reference.policy import ReferencePolicy, Sampler

__all__ = [
    "Agreement",
    "FlowReference",
    "GaussianReference",
    "Midpoint",
    "OneStepActor",
    "ReferencePolicy",
    "Sampler",
    "agreement",
]
