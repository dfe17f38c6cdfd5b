"""The observations that receipts are about: some of the training data's travel with the bundle."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from vgf_robot.backends import Floats
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.errors import BundleError

KEY = "precision_observations"
NUM_KEPT = 64


def kept(observations: Floats) -> dict[str, Any]:
    """Return the first observations as a receipt keeps them, under `KEY`.

    Args:
        observations: Shape (B, O).
    """
    rows = np.ascontiguousarray(observations[:NUM_KEPT], "<f4")
    return {KEY: {"shape": list(rows.shape), "float32_base64": base64.b64encode(rows.tobytes()).decode()}}


def observations_of(bundle: Bundle) -> Floats:
    """Return the observations that a bundle brings, or else some from the range seen in training; shape (B, O).

    Raises:
        BundleError: The receipt's are not what they should be.
    """
    record = bundle.receipt().get(KEY)
    return _drawn(bundle.manifest) if record is None else _read(record, bundle)


def _read(record: Mapping[str, Any], bundle: Bundle) -> Floats:
    try:
        numbers = np.frombuffer(base64.b64decode(record["float32_base64"], validate=True), "<f4")
        return numbers.reshape(-1, bundle.manifest.observation_size).astype(np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{bundle.folder}, receipt.json, {KEY}: expected observations of {bundle.manifest.observation_size} "
            f"numbers, found something else ({error}); export the bundle again."
        ) from error


def _drawn(manifest: Manifest) -> Floats:
    low = np.array([value for field in manifest.observation for value in field.low])
    high = np.array([value for field in manifest.observation for value in field.high])
    return np.random.default_rng(0).uniform(low, high, (NUM_KEPT, len(low))).astype(np.float32)
