"""What draws particles from noise: the reference policies, and the one-step actor of flow Q-learning."""

from policies.reference.flow import FlowReference
from policies.reference.gaussian import GaussianReference
from policies.reference.one_step import OneStepActor
from policies.reference.policy import ReferencePolicy, Sampler

__all__ = ["FlowReference", "GaussianReference", "OneStepActor", "ReferencePolicy", "Sampler"]
