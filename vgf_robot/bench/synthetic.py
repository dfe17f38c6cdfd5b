"""A bundle of random weights: as large and as slow as a policy, and no policy."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bench.layout import Layout, WeightTensor, read_layout
from vgf_robot.bundle import Bundle, Field, Manifest, write_manifest
from vgf_robot.bundle.bundle import SHIPPED
from vgf_robot.bundle.files import RECEIPT
from vgf_robot.bundle.manifest import SCHEMA_VERSION
from vgf_robot.errors import BundleError, ConfigError

# The networks of the method's paper, two critics and a velocity field of four layers of 512, without their weights.
SYNTHETIC = SHIPPED / "synthetic-paper-scale"
CONTROL_PERIOD_S = 0.05
STATEMENT = "Synthetic, no parity: the weights are random numbers. For timing only; must not move a robot."


def synthetic_bundle(
    folder: Path, seed: int = 0, control_period_s: float = CONTROL_PERIOD_S, graphs: Path = SYNTHETIC
) -> Bundle:
    """Fill weightless graphs with random weights and write them as a bundle; equal seeds give equal bundles.

    Names and environment are those of no robot, so that the comparison at a connection refuses every real one.

    Args:
        folder: Where to write; made if missing, else empty.
        seed: Of the weights, 0 or more.
        control_period_s: The period that the bundle claims, in seconds.
        graphs: Holds the weightless graphs and their layout.

    Returns:
        The bundle, read back and verified.

    Raises:
        BundleError: The folder is not empty, or the graphs are missing.
        ConfigError: The seed or the period is out of its range.
    """
    if seed < 0:
        raise ConfigError(f"seed: expected 0 or more, found {seed}; give another one.")
    if not (math.isfinite(control_period_s) and control_period_s > 0):
        raise ConfigError(f"Control period: expected a positive number of seconds, found {control_period_s:g}.")
    layout = read_layout(graphs)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BundleError(f"{folder}: expected a new or an empty folder, found something in its place; name another.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (layout.variant.reference, layout.variant.step, layout.variant.select):
        shutil.copyfile(graphs / name, folder / name)
    (folder / layout.weights).write_bytes(_weights(layout, np.random.default_rng(seed)).tobytes())
    receipt = {"synthetic": True, "passed": False, "statement": STATEMENT}
    (folder / RECEIPT).write_text(json.dumps(receipt, indent=2) + "\n")
    return write_manifest(folder, _manifest(layout, seed, control_period_s))


def _weights(layout: Layout, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return the content of the weights file; the gaps between tensors are zero."""
    content = np.zeros(layout.num_bytes, np.uint8)
    for tensor in layout.tensors:
        place = content[tensor.offset : tensor.offset + tensor.num_bytes].view("<f4")
        place[:] = _values(tensor, place.size, generator)
    return content


def _values(tensor: WeightTensor, size: int, generator: np.random.Generator) -> NDArray[np.float32] | float:
    """Return numbers of the size that a fresh network has, so that activations neither vanish nor overflow.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    eq. 16.
    """
    if tensor.initial != "xavier_uniform":
        return 1.0 if tensor.initial == "ones" else 0.0
    if tensor.fan_in is None or tensor.fan_out is None:
        raise BundleError(f"Layout, tensor '{tensor.name}': expected its fan_in and fan_out, found none.")
    bound = np.float32(math.sqrt(6.0 / (tensor.fan_in + tensor.fan_out)))
    return bound * (2.0 * generator.random(size, dtype=np.float32) - np.float32(1.0))


def _manifest(layout: Layout, seed: int, control_period_s: float) -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name="not-a-policy-synthetic-weights",
        environment="none-random-weights-for-timing-only",
        observation=(_field("synthetic_observation", layout.observation_size),),
        action=(_field("synthetic_action", layout.action_size),),
        action_kind="delta",
        safe_action=(0.0,) * layout.action_size,
        control_period_s=control_period_s,
        transport=layout.transport,
        operating_point=layout.operating_point,
        variants=(layout.variant,),
        provenance={"synthetic": True, "statement": STATEMENT, "trained_by": "nobody", "seed": seed},
        files={},
    )


def _field(name: str, size: int) -> Field:
    return Field(name=name, size=size, unit="1", low=(-1.0,) * size, high=(1.0,) * size)
