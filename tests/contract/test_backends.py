"""What every backend must do, whichever way it does it; run on each one that is installed here."""

import os

import numpy as np
import pytest

from tests.bundles import ACTION_SCALE, REFERENCE_SCALE, make_bundle, target
from tests.gpus import FakeOnnxRuntime, a_gpu, a_tensorrt
from vgf_robot.backends import backend_names, installed_backends, load_backend, onnxruntime_gpu, why_not
from vgf_robot.bundle import Bundle, shipped_names

OBSERVATION = np.array([0.5, -0.4, 0.3], np.float32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return Bundle.load(make_bundle(tmp_path_factory.mktemp("bundles") / "tiny"))


GPU = ("onnxruntime-cuda", "onnxruntime-tensorrt", "tensorrt")
MADE_UP = ("onnxruntime-cuda, made up", "tensorrt, made up")  # on a GPU that is the host's memory: see tests.gpus


@pytest.fixture(
    params=[pytest.param(each, marks=[pytest.mark.gpu] * (each in GPU)) for each in (*backend_names(), *MADE_UP)]
)
def backend(request, monkeypatch):
    name, _, made_up = request.param.partition(", ")
    if not made_up:
        if (reason := why_not(name)) and not (os.environ.get("CI") and name not in GPU):
            pytest.skip(reason)
        yield load_backend(name)
        return
    with a_gpu(monkeypatch) as driver, a_tensorrt(monkeypatch, driver):
        monkeypatch.setattr(onnxruntime_gpu, "onnxruntime", FakeOnnxRuntime(onnxruntime_gpu.CUDA))
        yield load_backend(name)


@pytest.fixture
def graphs(backend, bundle):
    return backend(bundle, bundle.variant(4, 2), threads=1)


def test_there_is_a_backend_for_every_machine():
    assert "onnxruntime-cpu" in installed_backends()


def draw(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def run_steps(graphs, origin, num_steps, copy):
    """Take steps; with copies, nothing the graphs returned is handed back to them."""
    keep = np.copy if copy else np.asarray
    particles, first, second = origin, np.zeros_like(origin), np.zeros_like(origin)
    for index in range(num_steps):
        result = graphs.step(OBSERVATION, particles, origin, first, second, index, 0.05, np.inf)
        particles, first, second = keep(result.moved), keep(result.first_moment), keep(result.second_moment)
    return np.copy(particles), np.copy(result.values), np.copy(result.displacement)


def test_reference(graphs):
    noise = draw(0, 4, 2)
    np.testing.assert_allclose(graphs.reference(OBSERVATION, noise), noise * REFERENCE_SCALE, rtol=1e-6)


def test_step_moves_scores_what_came_in_and_measures_what_went_out(graphs):
    particles, moments = draw(1, 4, 2), draw(2, 2, 4, 2)
    result = graphs.step(OBSERVATION, particles, particles, moments[0], moments[1], 0, 0.05, np.inf)
    gap = target(OBSERVATION) - particles
    np.testing.assert_allclose(result.moved, particles + 0.05 * np.sign(gap), rtol=1e-6)
    np.testing.assert_allclose(result.values, -np.sum(gap**2, axis=1), rtol=1e-5)
    np.testing.assert_allclose(result.displacement, 0.05 * np.sqrt(2), rtol=1e-5)
    np.testing.assert_array_equal(result.first_moment, moments[0])
    np.testing.assert_array_equal(result.second_moment, moments[1])


def test_a_step_that_states_no_values_moves_all_the_same(backend, graphs, tmp_path):
    silent = Bundle.load(make_bundle(tmp_path / "silent", step_values=False))
    silent_graphs = backend(silent, silent.variant(4, 2), threads=1)
    particles, moments = draw(1, 4, 2), draw(2, 2, 4, 2)
    for index in range(3):
        expected = graphs.step(OBSERVATION, particles, particles, *moments, index, 0.05, 0.06)
        found = silent_graphs.step(OBSERVATION, particles, particles, *moments, index, 0.05, 0.06)
        assert found.values is None
        for name in ("moved", "first_moment", "second_moment", "displacement"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_max_distance_reaches_the_graph(graphs):
    particles = draw(1, 4, 2)
    result = graphs.step(OBSERVATION, particles, particles, particles * 0, particles * 0, 0, 0.05, 0.01)
    np.testing.assert_allclose(result.displacement, 0.01, rtol=1e-5)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 6])
def test_handing_the_own_buffers_back_changes_nothing(graphs, num_steps):
    origin = graphs.reference(OBSERVATION, draw(3, 4, 2))
    kept = run_steps(graphs, origin, num_steps, copy=False)
    copied = run_steps(graphs, np.copy(origin), num_steps, copy=True)
    for one, other in zip(kept, copied, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_new_chain_forgets_the_one_before(graphs):
    origin = draw(3, 4, 2)
    first = run_steps(graphs, origin, 3, copy=False)
    run_steps(graphs, draw(4, 4, 2), 2, copy=False)
    for one, other in zip(first, run_steps(graphs, origin, 3, copy=False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_reads_the_result_of_the_one_before_while_it_writes(graphs):
    origin = draw(5, 4, 2)
    one = graphs.step(OBSERVATION, origin, origin, origin * 0, origin * 0, 0, 0.05, np.inf)
    kept = one.moved.copy()
    two = graphs.step(OBSERVATION, one.moved, origin, one.first_moment, one.second_moment, 1, 0.05, np.inf)
    np.testing.assert_array_equal(one.moved, kept)
    assert two.moved is not one.moved


def test_select_weighs_values_and_noise(graphs):
    particles = np.array([[0, 0], [0.25, -0.2], [1, 1], [-1, 0]], np.float32)
    values = -np.sum((target(OBSERVATION) - particles) ** 2, axis=1)
    best = graphs.select(OBSERVATION, particles, np.zeros(4, np.float32), 1.0)
    assert best.index == 1
    np.testing.assert_allclose(best.action, ACTION_SCALE * particles[1], rtol=1e-6)
    np.testing.assert_allclose(best.values, values, atol=1e-6)
    assert best.spread == 0.0
    noise = np.array([0, 0, 0, 0.5], np.float32)
    assert graphs.select(OBSERVATION, particles, noise, 0.0).index == 3
    assert graphs.select(OBSERVATION, particles, noise, 2.0).index == int(np.argmax(2 * values + noise))


def test_inputs_are_never_written(graphs):
    arrays = [draw(6, 4, 2) for _ in range(4)]
    observation, noise = OBSERVATION.copy(), draw(7, 4)
    for array in (*arrays, observation, noise):
        array.flags.writeable = False
    graphs.reference(observation, arrays[0])
    graphs.step(observation, *arrays, 0, 0.05, np.inf)
    graphs.select(observation, arrays[0], noise, 1.0)


def test_the_threads_cores_stay_its_own(backend, bundle):
    cores = os.sched_getaffinity(0)
    backend(bundle, bundle.variant(4, 2), threads=1).reference(OBSERVATION, draw(0, 4, 2))
    assert os.sched_getaffinity(0) == cores


def test_more_threads_change_nothing_but_rounding(backend, bundle, graphs):
    noise = draw(0, 4, 2)
    two = backend(bundle, bundle.variant(4, 2), threads=2)
    np.testing.assert_allclose(two.reference(OBSERVATION, noise), graphs.reference(OBSERVATION, noise), rtol=1e-6)


@pytest.mark.parametrize("name", shipped_names())
def test_particles_climb_the_value_that_the_graph_states(backend, name):
    """The direction at rest is the gradient, here that of the values by central differences.

    On a real critic, whose square weights are used forwards and, transposed, backwards: a runtime has mixed them up.
    """
    bundle = Bundle.load(name)
    manifest = bundle.manifest
    graphs = backend(bundle, bundle.variant(1, manifest.operating_point.reference_steps), threads=1)
    low = [value for field in manifest.observation for value in field.low]
    high = [value for field in manifest.observation for value in field.high]
    generator = np.random.default_rng(0)
    rest = np.zeros((1, manifest.action_size), np.float32)
    cosines = []
    for _ in range(20):
        observation = generator.uniform(low, high).astype(np.float32)
        particle = generator.uniform(-0.5, 0.5, rest.shape).astype(np.float32)

        def value(point, observation=observation):
            return float(graphs.step(observation, point, point, rest, rest, 0, 0.1, np.inf).values[0])

        phi = graphs.step(observation, particle, particle, rest, rest, 0, 0.1, np.inf).first_moment[0].copy()
        offsets = 0.01 * np.eye(manifest.action_size, dtype=np.float32)
        slope = np.array([value(particle + offset) - value(particle - offset) for offset in offsets])
        cosines.append(phi @ slope / (np.linalg.norm(phi) * np.linalg.norm(slope)))
    assert np.median(cosines) > 0.99
