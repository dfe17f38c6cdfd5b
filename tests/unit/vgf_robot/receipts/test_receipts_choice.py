"""`auto` takes the fastest that is within its receipt, and of equals the simplest; it says what and why."""

from __future__ import annotations

import re

import pytest

from tests.bundles import make_bundle
from tests.unit.vgf_robot.receipts.test_receipts_trusted import add_precision
from vgf_robot.backends import installed_backends
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.receipts import ACCEPTED, choice, in_words, load_trusted, resolve_backend, why_untrusted
from vgf_robot.receipts.choice import Timed, fastest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def entry(backend, passed=True, **changes):
    check = {"quantity": "cosine", "measured": 0.9, "limit": 0.95, "rule": "at least", "passed": passed}
    return {
        "num_particles": 4,
        "reference_steps": 2,
        "precision": "bfloat16",
        "backend": backend,
        "checks": [check],
        **changes,
    }


def bundle_with(tmp_path, *entries, accepted=()):
    return add_precision(
        make_bundle(tmp_path / "bundle"), receipt={"precisions": list(entries)}, provenance={ACCEPTED: list(accepted)}
    )


def timed(**ticks):
    return [Timed(name=name, tick_ms=value) for name, value in ticks.items()]


@pytest.mark.parametrize(
    ("ticks", "name"),
    [
        ({"simple": 1.0, "other": 1.0}, "simple"),
        ({"simple": 1.04, "other": 1.0}, "simple"),
        ({"simple": 1.06, "other": 1.0}, "other"),
        ({"simple": 2.0, "middle": 1.03, "other": 1.0}, "middle"),
    ],
)
def test_of_equals_the_simplest_is_taken(ticks, name):
    assert fastest(timed(**ticks)).name == name


def test_a_name_stays_as_it_is_and_nothing_is_read():
    assert resolve_backend("tensorrt", "no such bundle", 1) == "tensorrt"


def test_it_says_what_and_why(tmp_path, monkeypatch):
    bundle = bundle_with(tmp_path, entry("onnxruntime-cpu"))
    monkeypatch.setattr(choice, "installed_backends", lambda: ["onnxruntime-cpu"])
    times = iter(range(10**9))
    clock_ns = {"onnxruntime-cpu:float32": 2_000_000, "onnxruntime-cpu:bfloat16": 1_000_000}

    class Tick:
        def __init__(self, name):
            self.name = name

        def run(self):
            nonlocal now_ns
            now_ns += clock_ns[self.name] + next(times) % 3

    now_ns = 0
    names = iter(clock_ns)
    monkeypatch.setattr(choice, "_Tick", lambda _graphs, _bundle: Tick(next(names)))
    told = []
    found, left_out = choice.measure_candidates(bundle, 1, told.append, clock=lambda: now_ns)
    assert [(each.name, round(each.tick_ms, 2)) for each in found] == [
        ("onnxruntime-cpu:float32", 2.0),
        ("onnxruntime-cpu:bfloat16", 1.0),
    ]
    assert left_out == []
    monkeypatch.setattr(choice, "measure_candidates", lambda *_: (found, ["tensorrt:bfloat16, it is not here"]))
    assert resolve_backend("auto", bundle, 1, told.append) == "onnxruntime-cpu:bfloat16"
    expected = "auto: onnxruntime-cpu:bfloat16, 1 ms a tick (others: onnxruntime-cpu:float32 2)"
    assert told[-1] == f"{expected}; left out: tensorrt:bfloat16, it is not here."


def test_it_runs_on_what_is_here(tmp_path):
    told = []
    name = resolve_backend("auto", make_bundle(tmp_path / "bundle"), 1, told.append)
    assert name in {f"{each}:float32" for each in installed_backends()}
    load_trusted(name, told.append)


def test_a_receipt_that_failed_is_never_taken_unless_it_was_accepted(tmp_path):
    failed = bundle_with(tmp_path / "failed", entry("onnxruntime-cpu", passed=False))
    variant = failed.variant(4, 2, "bfloat16")
    assert why_untrusted(failed, variant, "onnxruntime-cpu") == "its receipt is beyond the limits"
    _, left_out = choice.measure_candidates(failed, 1, print)
    assert "onnxruntime-cpu:bfloat16, its receipt is beyond the limits" in left_out
    accepted = bundle_with(tmp_path / "kept", entry("onnxruntime-cpu", passed=False), accepted=["bfloat16"])
    assert why_untrusted(accepted, accepted.variant(4, 2, "bfloat16"), "onnxruntime-cpu") is None


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "this precision has no receipt"),
        ([entry("tensorrt", refused="no such products")], "it could not compute this precision at export"),
        ([entry("openvino-cpu")], None),  # compared on this device before it is used
        ([entry("openvino-cpu", refused="x")], "this precision has no receipt"),
        ([entry("openvino-cpu"), entry("tensorrt", passed=False)], "its receipt is beyond the limits"),
    ],
)
def test_a_backend_has_its_own_receipt_or_the_others(tmp_path, entries, reason):
    bundle = bundle_with(tmp_path, *entries)
    assert why_untrusted(bundle, bundle.variant(4, 2, "bfloat16"), "tensorrt") == reason


def test_float32_is_always_among_them(tmp_path):
    bundle = bundle_with(tmp_path)
    assert why_untrusted(bundle, bundle.variant(4, 2), "anything") is None


def test_nothing_that_runs_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "installed_backends", lambda: [])
    with pytest.raises(MachineError, match="No backend on this machine runs tiny"):
        resolve_backend("auto", Bundle.load(make_bundle(tmp_path / "bundle")), 1)


def test_where_nothing_is_measured_auto_is_no_name():
    with pytest.raises(ConfigError, match="name the backend"):
        load_trusted("auto")


def test_a_receipt_in_words():
    assert in_words(entry("x")) == "cosine 0.9 (at least 0.95)"
    assert in_words(entry("x", passed=False)) == "cosine 0.9 (at least 0.95), BEYOND ITS LIMIT"
    assert re.fullmatch("cannot compute it", in_words(entry("x", refused="why")))
