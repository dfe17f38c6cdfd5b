"""Networks, their training, and the flow inside the TD target."""

from __future__ import annotations

from typing import Literal

import msgspec

from policies.critic import Aggregation, TargetAggregation
from policies.transport import Form, Optimiser


class ReferenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reference policy and its training.

    Attributes:
        kind: `flow`, or `gaussian`: cheaper, with one mode.
        hidden_sizes: Width of each hidden layer.
        num_steps: K, Euler steps of a sample; 1 for a Gaussian, which has none.
        num_updates: Gradient updates.
        learning_rate: Adam's.
        gradient_clip: Largest global norm of the gradient, or None.
        taken_from: Folder of the run whose finished reference policy is taken instead; None to train one.
    """

    kind: Literal["flow", "gaussian"] = "flow"
    hidden_sizes: tuple[int, ...] = (512, 512, 512, 512)
    num_steps: int = 10
    num_updates: int = 1_000_000
    learning_rate: float = 3e-4
    gradient_clip: float | None = None
    taken_from: str | None = None


class CriticConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The critic ensemble and its training.

    What is trained beside the critic has its settings: the value function of IFQL and the gradient network of A-VGF
    sizes, rate and clip, the actor of FQL the clip (and its sizes and rate from the reference policy).

    Attributes:
        hidden_sizes: Width of each hidden layer.
        ensemble_size: E.
        num_updates: Gradient updates.
        learning_rate: Adam's.
        discount: Per step.
        polyak_rate: tau, how far the target critic moves towards the critic per update.
        target_aggregation: How the target ensemble becomes one value: `mean`, `min`, or `lcb`, a lower confidence
            bound, mean - lcb_kappa * standard deviation.
        lcb_kappa: Standard deviations below the mean; with `lcb` only.
        target_selection: How the particles' values become one: `mean`, or `max`, bolder.
        gradient_clip: Largest global norm of the gradient, or None.
    """

    hidden_sizes: tuple[int, ...] = (512, 512, 512, 512)
    ensemble_size: int = 2
    num_updates: int = 1_000_000
    learning_rate: float = 3e-4
    discount: float = 0.99
    polyak_rate: float = 0.005
    target_aggregation: TargetAggregation = "mean"
    lcb_kappa: float | None = None
    target_selection: Literal["mean", "max"] = "mean"
    gradient_clip: float | None = None


class TransportConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The flow inside the TD target.

    Attributes:
        form: `svgd`, `smoothed` or `independent`.
        optimiser: `adam` or `plain`.
        alpha: Temperature under the kernel.
        aggregation: How the online ensemble becomes the value that is climbed.
        num_particles: N.
        num_steps: L_train.
        step_size: Normalised action units.
        max_distance: Normalised action units, or None for no limit.
        samples_per_state: Reference samples drawn once per state and reused, of which each update takes N at random;
            0 draws new ones at every update (the authors' way, about twice the time).
    """

    form: Form = "svgd"
    optimiser: Optimiser = "adam"
    alpha: float = 0.5
    aggregation: Aggregation = "mean"
    num_particles: int = 10
    num_steps: int = 1
    step_size: float = 0.05
    max_distance: float | None = None
    samples_per_state: int = 16
