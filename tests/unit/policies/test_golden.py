"""The flow against vectors computed by an independent JAX implementation (float32, bandwidth held constant)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from policies.critic import Critic, aggregate
from policies.networks import expand_observation
from policies.reference import FlowReference
from policies.transport import Transport

GOLDEN = Path(__file__).parents[2] / "golden"
TOLERANCE = 1e-4
FORMS = ("svgd", "smoothed", "independent")


@dataclass
class Golden:
    arrays: dict
    config: dict
    critic: Critic
    target_critic: Critic
    reference: FlowReference

    def tensor(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[name])

    def transport(self, form: str, optimiser: str) -> Transport:
        config = self.config
        return Transport(
            self.critic, form=form, optimiser=optimiser, alpha=config["alpha"], aggregation=config["q_aggregation"]
        )


@pytest.fixture(scope="module", params=["vgf_small", "vgf_medium"])
def golden(request) -> Golden:
    with np.load(GOLDEN / f"{request.param}.npz") as file:
        arrays = {name: file[name] for name in file.files}
    config = json.loads(str(arrays["config"]))
    sizes = (config["obs_dim"], config["action_dim"], config["hidden_dims"])
    critics = []
    for prefix in ("critic", "target_critic"):
        critic = Critic(*sizes, ensemble_size=arrays["q_initial"].shape[0])
        for member_index, member in enumerate(critic.members):
            load_flax(member, arrays, f"{prefix}/value_net", member_index)
        critics.append(critic)
    reference = FlowReference(*sizes)
    load_flax(reference.velocity, arrays, "behavior/mlp", None)
    return Golden(arrays, config, *critics, reference)


def load_flax(network: torch.nn.Sequential, arrays: dict, prefix: str, member: int | None) -> None:
    pick = (lambda array: array) if member is None else (lambda array: array[member])
    counts = {"Dense": 0, "LayerNorm": 0}
    for layer in network:
        if isinstance(layer, torch.nn.ReLU):
            continue
        kind, weight = ("Dense", "kernel") if isinstance(layer, torch.nn.Linear) else ("LayerNorm", "scale")
        name = f"{prefix}/{kind}_{counts[kind]}"
        counts[kind] += 1
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(pick(arrays[f"{name}/{weight}"]).T))
            layer.bias.copy_(torch.from_numpy(pick(arrays[f"{name}/bias"])))


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


@torch.no_grad()
def test_reference_particles(golden: Golden) -> None:
    found = golden.reference(golden.tensor("observations"), golden.tensor("noise"), golden.config["reference_steps"])
    close(found, golden.tensor("reference_particles"))


@torch.no_grad()
def test_values_and_gradient(golden: Golden) -> None:
    observation, particles = golden.tensor("observations"), golden.tensor("reference_particles")
    state = expand_observation(observation, particles)
    close(golden.critic(state, particles), golden.tensor("q_initial"))
    close(golden.target_critic(state, particles), golden.tensor("target_q_initial"))
    values, gradient = golden.transport("independent", "adam").value_and_gradient(observation, particles)
    close(values, aggregate(golden.tensor("q_initial"), golden.config["q_aggregation"]))
    close(gradient, golden.tensor("value_gradient_initial"))


@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_phi_along_the_golden_trajectory(golden: Golden, form: str) -> None:
    transport = golden.transport(form, "adam")
    trajectory = golden.tensor(f"particles_{form}_adam")
    for particles, phi in zip(trajectory[:-1], golden.tensor(f"phi_{form}"), strict=True):
        _, gradient = transport.value_and_gradient(golden.tensor("observations"), particles)
        close(transport.direction(particles, gradient), phi)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("optimiser", ["adam", "plain"])
@torch.no_grad()
def test_trajectory(golden: Golden, form: str, optimiser: str) -> None:
    expected = golden.tensor(f"particles_{form}_{optimiser}")
    _check_trajectory(golden, golden.transport(form, optimiser), expected, torch.inf, golden.tensor(f"phi_{form}"))


@torch.no_grad()
def test_projected_trajectory(golden: Golden) -> None:
    expected = golden.tensor("particles_independent_adam_projected")
    max_distance = golden.config["max_distance"]
    _check_trajectory(
        golden, golden.transport("independent", "adam"), expected, max_distance, golden.tensor("phi_independent")
    )
    assert (expected - expected[0]).norm(dim=-1).max() <= max_distance + 1e-6


def _check_trajectory(golden: Golden, transport: Transport, expected, max_distance: float, phi) -> None:
    observation, origin = golden.tensor("observations"), expected[0]
    for num_steps in range(1, len(expected)):
        found = transport.flow(
            observation,
            origin,
            num_steps=num_steps,
            step_size=golden.config["step_size"],
            max_distance=max_distance,
        )
        # Adam's first step is the sign of phi: where phi is within 1e-6 of zero either sign is right.
        unambiguous = (phi[:num_steps].abs() > 1e-6).all(0)
        close(found[unambiguous], expected[num_steps][unambiguous])


@torch.no_grad()
def test_final_values(golden: Golden) -> None:
    for form in FORMS:
        particles = golden.tensor(f"particles_{form}_adam")[-1]
        state = expand_observation(golden.tensor("observations"), particles)
        close(golden.critic(state, particles), golden.tensor(f"q_final_{form}"))
