"""A backend is compared on this device before it is used, once; what is too far from float32 is refused."""

from __future__ import annotations

import dataclasses
import json
import re

import msgspec
import numpy as np
import pytest

from tests.bundles import make_bundle
from vgf_robot.backends import load_backend
from vgf_robot.bundle import Bundle, write_manifest
from vgf_robot.controller import Controller
from vgf_robot.errors import BudgetError, BundleError, MachineError
from vgf_robot.receipts import ACCEPTED, KEY, Trusted, kept, load_trusted, observations_of, split_name
from vgf_robot.receipts import trusted as trusted_module


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vgf-robot" / "receipts"


def add_precision(folder, precision="bfloat16", provenance=None, receipt=None):
    """Give every variant of a bundle a second precision, of the same graphs."""
    manifest = Bundle.load(folder).manifest
    low = tuple(msgspec.structs.replace(variant, precision=precision) for variant in manifest.variants)
    manifest = msgspec.structs.replace(
        manifest, variants=manifest.variants + low, provenance=manifest.provenance | (provenance or {})
    )
    content = json.loads((folder / "receipt.json").read_bytes()) | (receipt or {})
    (folder / "receipt.json").write_text(json.dumps(content))
    return write_manifest(folder, manifest)


@pytest.fixture
def bundle(tmp_path):
    return add_precision(make_bundle(tmp_path / "bundle"))


class Counting:
    """A backend of graphs that may be wrong, and how often they were stepped."""

    def __init__(self, change=lambda result: result, facts=None):
        self.change = change
        self.facts = facts or {"device": "this one"}
        self.steps = 0

    def __call__(self, bundle, variant, *, threads):
        counting, graphs = self, load_backend("onnxruntime-cpu")(bundle, variant, threads=threads)

        class Graphs:
            facts = counting.facts
            reference = staticmethod(graphs.reference)
            select = staticmethod(graphs.select)

            @staticmethod
            def step(*inputs):
                counting.steps += 1
                return counting.change(graphs.step(*inputs))

        return Graphs()


def backwards(result):
    return dataclasses.replace(result, moved=-result.moved)


def open_low(bundle, backend, told=None):
    told = [] if told is None else told
    return Trusted("some", "bfloat16", backend, told.append)(bundle, bundle.variant(4, 2), threads=1)


def test_it_is_compared_at_its_first_opening_and_not_again(bundle, cache):
    backend, told = Counting(), []
    open_low(bundle, backend, told)
    assert backend.steps > 0
    assert told == ["tiny, N = 4, bfloat16 on some: compared with float32 on this device, within its limits."]
    (note,) = cache.iterdir()
    content = json.loads(note.read_text())
    assert content["key"]["device"] == "this one"
    assert all(check["passed"] and check["comparisons"] > 0 for check in content["checks"])
    backend.steps = 0
    open_low(bundle, backend, told)
    assert backend.steps == 0
    assert len(told) == 1


@pytest.mark.parametrize("facts", [{"device": "another"}, {"device": "this one", "library": "newer"}])
def test_a_note_holds_for_its_device_and_versions_alone(bundle, facts):
    open_low(bundle, Counting())
    other = Counting(facts=facts)
    open_low(bundle, other)
    assert other.steps > 0


@pytest.mark.parametrize("damage", ["", "{}", '{"key": {}}', "[1]"])
def test_a_damaged_note_is_none(bundle, cache, damage):
    open_low(bundle, Counting())
    (note,) = cache.iterdir()
    note.write_text(damage)
    again = Counting()
    open_low(bundle, again)
    assert again.steps > 0


def test_what_goes_another_way_is_refused_and_not_noted(bundle, cache):
    with pytest.raises(
        MachineError, match=r"further from float32 on this device .*cosine of the value gradient, median"
    ):
        open_low(bundle, Counting(backwards))
    assert list(cache.iterdir()) == []


def test_what_the_export_accepted_is_let_through_with_a_word(tmp_path):
    bundle = add_precision(make_bundle(tmp_path / "marked"), provenance={ACCEPTED: ["bfloat16"]})
    told = []
    open_low(bundle, Counting(backwards), told)
    assert "beyond its limits, which its export accepted" in told[0]


def test_float32_of_another_backend_is_compared_as_well(bundle):
    with pytest.raises(MachineError, match="float32 on some: further"):
        Trusted("some", None, Counting(backwards), print)(bundle, bundle.variant(4, 2), threads=1)


def test_what_every_export_compares_needs_no_comparison(bundle, cache):
    load_trusted("onnxruntime-cpu")(bundle, bundle.variant(4, 2), threads=1)
    assert not cache.exists()


def test_nowhere_to_keep_notes_means_to_compare_each_time(bundle, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        backend = Counting()
        open_low(bundle, backend)
        assert backend.steps > 0


def test_without_what_to_compare_with_float32_says_so_and_a_low_precision_is_refused(bundle, monkeypatch):
    monkeypatch.setattr(trusted_module, "why_not", lambda _name: "It is not here.")
    told = []
    Trusted("some", None, Counting(), told.append)(bundle, bundle.variant(4, 2), threads=1)
    assert told == ["tiny, N = 4, float32 on some: not compared on this device. It is not here."]
    with pytest.raises(MachineError, match=r"bfloat16 on some: cannot be compared with float32 on this device. It is"):
        open_low(bundle, Counting(backwards), told)


@pytest.mark.parametrize(
    ("name", "parts"), [("tensorrt", ("tensorrt", None)), ("openvino-cpu:bfloat16", ("openvino-cpu", "bfloat16"))]
)
def test_a_name_may_end_in_a_precision(name, parts):
    assert split_name(name) == parts


def test_a_precision_that_the_bundle_lacks_is_refused(bundle):
    with pytest.raises(BudgetError, match=re.escape("= (4, 2, float16)")):
        load_trusted("onnxruntime-cpu:float16")(bundle, bundle.variant(4, 2), threads=1)


def test_a_controller_takes_the_precision_from_the_name(bundle):
    controller = Controller.open(bundle, backend="onnxruntime-cpu:bfloat16")
    assert controller.start(controller.begin_episode(0)).precision == "bfloat16"


def test_observations_travel_with_a_receipt(tmp_path):
    rows = np.random.default_rng(0).standard_normal((100, 3), np.float32)
    bundle = add_precision(make_bundle(tmp_path / "with"), receipt=kept(rows))
    np.testing.assert_array_equal(observations_of(bundle), rows[:64])


def test_without_them_they_are_drawn_from_the_range(bundle):
    drawn = observations_of(bundle)
    assert drawn.shape == (64, 3)
    assert (np.abs(drawn) <= [1, 1, 2]).all()
    np.testing.assert_array_equal(drawn, observations_of(bundle))


@pytest.mark.parametrize("record", [{}, [1], {"float32_base64": "?"}, {"float32_base64": "AAAA"}, "text"])
def test_damaged_observations_are_refused(tmp_path, record):
    bundle = add_precision(make_bundle(tmp_path / "damaged"), receipt={KEY: record})
    with pytest.raises(BundleError, match="expected observations of 3 numbers"):
        observations_of(bundle)
