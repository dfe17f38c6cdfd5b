"""The controller's tick beside the same tick as one jitted JAX function, on this machine.

The authors' code is JAX; the 8.65 ms that its tick took elsewhere say little about a machine that is twice as fast. So
the method is written down once more, as one function that `jax.jit` compiles whole: noise, K Euler steps, L steps of
the flow, argmax. It is given the weights of this project's networks and must return their action before it is timed.
Both have one thread and are timed from the observation to the action as NumPy arrays, in short turns: whatever else the
machine does meets all of them, and each has its weights in the cache as it would alone.

Paper scale: 4 x 512, two critics, N = 10, K = 10, L = 5. Targets, as shares of JAX's time: float32 0.75, the best
precision 0.45, A-VGF 0.75.

Needs JAX beside the project: `pip install jax`.

Example:
    python benchmarks/jax_tick.py --json out/bench/jax-tick.json
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from torch import nn

from benchmarks.backends import AmortisedNetworks, bundle_of
from benchmarks.interleaved import ratio_interval
from export.synthetic import Scale, SyntheticNetworks
from policies.networks import LAYER_NORM_EPS
from policies.transport import ADAM_BETA1, ADAM_BETA2, ADAM_EPS
from vgf_robot import results
from vgf_robot.backends import installed_backends
from vgf_robot.bench import Opened, subjects_of
from vgf_robot.controller import Budget
from vgf_robot.errors import VgfError

SCALE = Scale()
NUM_STEPS = SCALE.max_steps
STEP_SIZE = 0.1
ALPHA = 0.5
SHARES = {("vgf", "float32"): 0.75, ("vgf", "low"): 0.45, ("a-vgf", "float32"): 0.75}
COLUMNS = ("method", "backend", "precision", "tick_ms", "ratio", "ratio_low", "ratio_high")
# Moved by Adam's first steps, whose direction is a sign: 1e-4 where no gradient is near zero.
TOLERANCE = 1e-3

Way = Callable[[np.ndarray], object]
Layers = list[tuple[Any, Any, Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    turns: int = 20
    """Turns of each way."""
    ticks: int = 25
    """Ticks of a turn that count."""
    warm_up: int = 5
    """Ticks of a turn before them."""
    precisions: tuple[str, ...] = ("float32", "bfloat16")
    """Of this project's products with large weights; JAX computes in float32."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    """Compare, measure, print, and return the exit code."""
    options = tyro.cli(Options, description=__doc__)
    if importlib.util.find_spec("jax") is None:
        print("Expected JAX beside the project, found none; run: pip install jax", file=sys.stderr)
        return 2
    rows = [row for method in ("vgf", "a-vgf") for row in measured(method, options)]
    results.print_table("one thread, 4 x 512, N = 10, K = 10, L = 5; p50 / p99 in ms", rows, COLUMNS)
    for sentence in verdicts(rows):
        print(sentence)
    if options.json is not None:
        results.write_json(options.json, "jax-tick", asdict(options), rows)
    return 0


def measured(method: str, options: Options) -> list[dict[str, Any]]:
    """Return a row for JAX and one for each backend and precision of this project."""
    torch.manual_seed(0)
    networks = (SyntheticNetworks if method == "vgf" else AmortisedNetworks)(SCALE)
    tick = jitted_tick(networks, amortised=method == "a-vgf")
    require_same_action(networks, tick)
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        ours = controllers(method, Path(folder), options.precisions)
        ways: dict[str, Way] = {"jax": lambda observation: np.asarray(tick(observation)[0])}
        ways |= {name: ticking(opened) for name, opened in ours.items()}
        samples = timed_in_turns(ways, options)
    return [row_of(method, name, milliseconds, samples["jax"]) for name, milliseconds in samples.items()]


def timed_in_turns(ways: Mapping[str, Way], options: Options) -> dict[str, np.ndarray]:
    """Return milliseconds of each way, shape (turns * ticks,)."""
    generator = np.random.default_rng(0)
    samples: dict[str, list[int]] = {name: [] for name in ways}
    for turn in range(options.turns):
        for name, way in ways.items():
            for count in range(options.warm_up + options.ticks):
                observation = generator.uniform(-1, 1, SCALE.observation_size).astype(np.float32)
                began_ns = time.perf_counter_ns()
                way(observation)
                if count >= options.warm_up:
                    samples[name].append(time.perf_counter_ns() - began_ns)
        print(f"turn {turn + 1} of {options.turns}", end="\r", file=sys.stderr)
    return {name: np.array(values) / 1e6 for name, values in samples.items()}


def controllers(method: str, folder: Path, precisions: Sequence[str]) -> dict[str, Opened]:
    """Return this project's controllers on one thread, by backend and precision."""
    bundle = bundle_of(method, folder)
    found: dict[str, Opened] = {}
    for precision in precisions:
        for subject in subjects_of(bundle, installed_backends(), precision, (), (1,)):
            try:
                found[subject.name] = Opened.open(bundle, subject)
            except VgfError as error:
                print(f"left out: {method}, {subject.name}: {error}", file=sys.stderr)
    return found


def ticking(opened: Opened) -> Way:
    """Return one whole tick of a controller at the most steps."""
    controller, budget = opened.controller, Budget(max_steps=NUM_STEPS)
    episode = controller.begin_episode(0)

    def tick(observation: np.ndarray) -> object:
        command = controller.tick(episode, observation, None, budget)
        if command.steps != NUM_STEPS:
            raise VgfError(f"Expected {NUM_STEPS} steps, found {command.steps} ({command.reason}).")
        return command.action

    return tick


def jitted_tick(networks: SyntheticNetworks, *, amortised: bool) -> Callable[[np.ndarray], tuple[Any, Any]]:
    """Return the tick in JAX, of an observation to (action (A,), the noise it began with (N, A)).

    Args:
        networks: Whose weights it takes.
        amortised: Whether a network gives the gradient, as in A-VGF.
    """
    import jax
    import jax.numpy as jnp

    velocity = layers_of(networks.reference.velocity)
    critics = [layers_of(member) for member in networks.critic.members]
    gradient_layers = layers_of(networks.gradient.gradient) if isinstance(networks, AmortisedNetworks) else []
    ensemble = jax.tree.map(lambda *each: jnp.stack(each), *critics)

    def perceptron(layers: Layers, x: Any) -> Any:
        for weight, bias, scale, shift in layers[:-1]:
            x = x @ weight + bias
            if scale is not None:
                centred = x - x.mean(-1, keepdims=True)
                x = centred / jnp.sqrt(jnp.square(centred).mean(-1, keepdims=True) + LAYER_NORM_EPS) * scale + shift
            x = jax.nn.relu(x)
        return x @ layers[-1][0] + layers[-1][1]

    def values(members: Layers, state: Any, particles: Any) -> Any:
        state_action = jnp.concatenate([state, particles], -1)
        return jax.vmap(perceptron, in_axes=(0, None))(members, state_action)[..., 0].mean(0)

    def phi(particles: Any, gradient: Any) -> Any:
        if amortised:
            return gradient
        count = len(particles)
        difference = particles[:, None] - particles[None]
        squared = jnp.square(difference).sum(-1)
        sigma2 = jnp.maximum(jnp.median(squared) / (2.0 * math.log(count + 1.0)), 1e-12)
        gamma = 1.0 / (1e-6 + 2.0 * sigma2)
        weights = jnp.exp(-gamma * squared)
        repulsion = ((2.0 * gamma * weights)[..., None] * difference).sum(1)
        return (weights @ gradient / ALPHA + repulsion) / count

    def tick(weights: Any, observation: Any, key: Any) -> tuple[Any, Any]:
        velocity, ensemble, gradient_layers = weights
        noise = jax.random.normal(key, (SCALE.num_particles, SCALE.action_size))
        state = jnp.broadcast_to(observation, (SCALE.num_particles, SCALE.observation_size))
        x = noise
        for k in range(SCALE.reference_steps):
            times = jnp.full((SCALE.num_particles, 1), k / SCALE.reference_steps)
            x = x + perceptron(velocity, jnp.concatenate([state, x, times], -1)) / SCALE.reference_steps
        x = jnp.clip(x, -1.0, 1.0)
        first = second = jnp.zeros_like(x)
        for count in range(1, NUM_STEPS + 1):
            if amortised:
                gradient = perceptron(gradient_layers, jnp.concatenate([state, x], -1))
            else:
                gradient = jax.grad(lambda moved: values(ensemble, state, moved).sum())(x)
            ascent = phi(x, gradient)
            first = ADAM_BETA1 * first + (1 - ADAM_BETA1) * ascent
            second = ADAM_BETA2 * second + (1 - ADAM_BETA2) * jnp.square(ascent)
            hats = first / (1 - ADAM_BETA1**count), second / (1 - ADAM_BETA2**count)
            x = jnp.clip(x + STEP_SIZE * hats[0] / (jnp.sqrt(hats[1]) + ADAM_EPS), -1.0, 1.0)
        return x[jnp.argmax(values(ensemble, state, x))], noise

    # As arguments, not closed over: constants would be folded for minutes, and no deployed critic is one.
    compiled, weights, keys = jax.jit(tick), (velocity, ensemble, gradient_layers), jax.random.key(0)
    return lambda observation: compiled(weights, observation, keys)


def layers_of(perceptron: nn.Sequential) -> Layers:
    """Return (weight, bias, scale, shift) of each layer, the last two None where nothing is normalised."""
    found: Layers = []
    for module in perceptron:
        arrays = [parameter.detach().numpy().copy() for parameter in module.parameters()]
        if isinstance(module, nn.Linear):
            found.append((arrays[0].T.copy(), arrays[1], None, None))
        elif isinstance(module, nn.LayerNorm):
            found[-1] = (*found[-1][:2], arrays[0], arrays[1])
    return found


def require_same_action(networks: SyntheticNetworks, tick: Callable[[np.ndarray], tuple[Any, Any]]) -> None:
    """Refuse to time a function that computes something else.

    Raises:
        VgfError: The two actions differ.
    """
    observation = np.random.default_rng(1).uniform(-1, 1, SCALE.observation_size).astype(np.float32)
    action, noise = (np.asarray(each) for each in tick(observation))
    with torch.no_grad():
        state = torch.from_numpy(observation)
        origin = networks.reference(state, torch.from_numpy(noise.copy()), SCALE.reference_steps)
        flow = networks.transport.flow(state, origin, num_steps=NUM_STEPS, step_size=STEP_SIZE, max_distance=math.inf)
        values = networks.transport.aggregated(state.expand(len(flow), -1), flow)
    expected = flow[values.argmax()].numpy()
    if np.abs(action - expected).max() > TOLERANCE:
        raise VgfError(f"Expected JAX to return {expected}, found {action}; it computes something else.")


def row_of(method: str, name: str, samples: np.ndarray, jax_samples: np.ndarray) -> dict[str, Any]:
    """Return a row: latencies, and the ratio of medians to JAX with its interval."""
    backend, _, precision = name.partition(":")
    low, high = ratio_interval(samples, jax_samples)
    return {
        "method": method,
        "backend": backend,
        "precision": precision or "float32",
        "tick_ms": results.latency_summary(samples),
        "ratio": float(np.median(samples) / np.median(jax_samples)),
        "ratio_low": low,
        "ratio_high": high,
    }


def verdicts(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence per target: what the best row reached."""
    found: list[str] = []
    for (method, kind), limit in SHARES.items():
        own = [
            row
            for row in rows
            if (row["method"], row["precision"] == "float32") == (method, kind == "float32") and row["backend"] != "jax"
        ]
        if own:
            row = min(own, key=lambda each: each["ratio"])
            met = "met" if row["ratio"] <= limit else "missed"
            found.append(
                f"{method}, {row['backend']}:{row['precision']}: {row['ratio']:.2f} of JAX, {limit:.2f} {met}."
            )
    return found


if __name__ == "__main__":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    sys.exit(main())
