"""Whatever the bytes: a reader returns something sound, or raises one of our own errors."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import suppress
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.datasets import d4rl, minari, ogbench
from tests.bundles import make_bundle
from tests.mutations import mutated
from tests.runs import write_ogbench_file
from tests.unit.policies.test_minari import write_dataset
from vgf_robot.bundle import Bundle
from vgf_robot.bundle.files import sha256_of
from vgf_robot.config import from_mapping
from vgf_robot.errors import BundleError, ConfigError, DatasetError
from vgf_robot.npz import read_arrays
from vgf_robot.security import AllowList
from vgf_robot.wire.codec import decode_reply, decode_request, encode
from vgf_robot.wire.faults import RefusedError
from vgf_robot.wire.settings import ServeSettings

REQUESTS = [
    {"type": "hello", "version": 1, "sequence": 1, "name": "a", "expect": {"control_period_s": 0.05}, "rate_hz": 20.0},
    {
        "type": "observe",
        "version": 1,
        "sequence": 2,
        "episode": 1,
        "seed": 0,
        "observation": {"dtype": "<f4", "shape": [3], "data": bytes(12)},
        "observation_age_us": 0,
        "deadline_us": 20_000,
        "budget": {"max_steps": 1, "step_size": 0.1},
        "pose": {"dtype": "<f8", "shape": [2], "data": bytes(16)},
    },
    {"type": "engage", "version": 1, "sequence": 3, "action": "engage"},
    {"type": "ping", "version": 1, "sequence": 4},
    {"type": "bye", "version": 1, "sequence": 5},
    {"type": "error", "version": 1, "sequence": 6, "kind": "internal", "expected": "", "found": "", "advice": ""},
]
GENERATORS = st.integers(0, 2**32).map(random.Random)
KINDS = ("f2", "f4", "f8", "i8", "u1", "?", "c8", "U3", "S2", "M8[s]", "m8[s]", "V4", [("a", "f4")])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([decode_request, decode_reply]))
def test_bytes_of_any_kind_are_no_message_or_one(payload, decode):
    with suppress(RefusedError):
        decode(payload)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(REQUESTS), GENERATORS, st.sampled_from([decode_request, decode_reply]))
def test_a_message_that_is_nearly_right_is_refused_or_read_and_written_again(content, generator, decode):
    try:
        payload = msgspec.msgpack.encode(mutated(content, generator))
    except (UnicodeEncodeError, OverflowError):  # what msgpack cannot say
        return
    with suppress(RefusedError):
        message = decode(payload)
        assert decode(encode(message)) == message or "nan" in repr(message)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle"), num_particles=(1,))


@settings(max_examples=150, deadline=None)
@given(GENERATORS, st.booleans())
def test_a_manifest_that_is_nearly_right_is_refused_or_sound(folder, generator, as_bytes):
    path = folder / "manifest.json"
    whole = path.read_bytes()
    try:
        if as_bytes:
            damaged = bytearray(whole)
            for _ in range(3):
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        else:
            damaged = json.dumps(mutated(json.loads(whole), generator, binary=False)).encode()
        path.write_bytes(damaged)
        with suppress(BundleError):
            bundle = Bundle.load(folder)
            bundle.receipt()
            repr((bundle.manifest, bundle.manifest.particle_counts, bundle.manifest.observation_size))
    finally:
        path.write_bytes(whole)


@settings(max_examples=60, deadline=None)
@given(GENERATORS)
def test_a_receipt_that_is_nearly_right_is_refused_or_sound(folder, generator):
    manifest_path, path = folder / "manifest.json", folder / "receipt.json"
    whole, whole_manifest = path.read_bytes(), manifest_path.read_bytes()
    try:
        path.write_text(json.dumps(mutated(json.loads(whole), generator, binary=False)))
        content = json.loads(whole_manifest)
        content["files"]["receipt.json"] = sha256_of(path)
        manifest_path.write_text(json.dumps(content))
        with suppress(BundleError):
            Bundle.load(folder).receipt()
    finally:
        path.write_bytes(whole)
        manifest_path.write_bytes(whole_manifest)


@settings(max_examples=150, deadline=None)
@given(GENERATORS)
def test_settings_and_lists_of_clients_are_refused_or_sound(generator):
    for record, content in (
        (ServeSettings, msgspec.to_builtins(ServeSettings())),
        (AllowList, {"clients": [{"name": "a", "key": "x" * 40, "roles": ["act", "observe"]}]}),
    ):
        with suppress(ConfigError):
            assert isinstance(from_mapping(mutated(content, generator), record, "here"), record)


def strange_arrays(generator: random.Random, whole: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays with a few of another type, shape or length, or gone."""
    arrays = dict(whole)
    for _ in range(generator.randint(1, 2)):
        key = generator.choice(sorted(arrays) or ["observations"])
        array = arrays.pop(key, np.zeros(3))
        way = generator.choice(("gone", "type", "shape", "rows", "number", "zeros"))
        if way == "type":
            array = np.zeros(array.shape, np.dtype(generator.choice(KINDS)))
        elif way == "shape":
            array = array.reshape(generator.choice(((-1,), (1, -1), (-1, 1), (1, 1, -1))))
        elif way == "rows":
            array = np.atleast_1d(array)[: generator.choice((0, 1, -1))]
        elif way == "number":
            array = np.array(generator.choice((1.0, np.nan, "text", 1j)))
        elif way == "zeros":
            array = np.zeros_like(array)
        if way != "gone":
            arrays[key] = array
    return arrays


@settings(max_examples=80, deadline=None)
@given(GENERATORS)
def test_an_ogbench_file_that_is_nearly_right_is_refused_or_learnt_from(tmp_path_factory, generator):
    path = tmp_path_factory.getbasetemp() / "fuzzed.npz"
    write_ogbench_file(path, num_episodes=2, length=4)
    np.savez(path, **strange_arrays(generator, read_arrays(path, "")))
    with suppress(DatasetError):
        found = ogbench.load(path)
        assert len(found.rows) == len(found.observations) == len(found.rewards) > 0


@settings(max_examples=80, deadline=None)
@given(GENERATORS, st.booleans(), st.sampled_from([None, 3]))
def test_a_d4rl_file_that_is_nearly_right_is_refused_or_learnt_from(tmp_path_factory, generator, stored, steps):
    whole = {
        "observations": np.ones((6, 4), np.float32),
        "next_observations": np.ones((6, 4), np.float32),
        "actions": np.zeros((6, 2), np.float32),
        "rewards": np.ones(6, np.float32),
        "terminals": np.array([0, 0, 1, 0, 0, 0], bool),
        "timeouts": np.array([0, 0, 0, 0, 0, 1], bool),
    }
    path = tmp_path_factory.getbasetemp() / "fuzzed.hdf5"
    with h5py.File(path, "w") as file:
        for key, array in strange_arrays(generator, whole).items():
            if array.dtype.kind not in "UMm":
                file[key] = array
        if generator.random() < 0.2:
            file.pop("rewards", None)
            file.create_group("rewards")
    with suppress(DatasetError):
        found = d4rl.load(path, stored_next=stored, max_episode_steps=steps)
        assert len(found.rows) == len(found.observations) == len(found.rewards) > 0


@settings(max_examples=20, deadline=None)
@given(GENERATORS)
def test_a_minari_folder_that_is_nearly_right_is_refused_or_learnt_from(tmp_path_factory, generator):
    folder = tmp_path_factory.getbasetemp() / "minari"
    shutil.rmtree(folder, ignore_errors=True)
    write_dataset(folder)
    metadata = folder / "data" / "metadata.json"
    if generator.random() < 0.5:
        metadata.write_text(json.dumps(mutated(json.loads(metadata.read_text()), generator, binary=False)))
    else:
        with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
            group = file[f"episode_{generator.randrange(2)}"]
            whole = {key: np.asarray(group[key]) for key in group if isinstance(group[key], h5py.Dataset)}
            for key in whole:
                del group[key]
            for key, array in strange_arrays(generator, whole).items():
                if array.dtype.kind not in "UMm":
                    group[key] = array
    with suppress(DatasetError):
        found = minari.load(folder)
        assert len(found.rows) == len(found.observations) == len(found.rewards) > 0
