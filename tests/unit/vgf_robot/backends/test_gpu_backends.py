"""What the backends of a GPU ask of it: copies, recorded graphs, engines; on a GPU that is made up."""

from __future__ import annotations

import builtins
import re
import threading

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.bundles import make_bundle
from tests.gpus import FakeDriver, FakeOnnxRuntime, a_gpu, a_tensorrt
from vgf_robot.backends import cuda, installed_backends, load_backend, onnxruntime_gpu, why_not
from vgf_robot.backends.self_contained import self_contained
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BundleError, MachineError

OBSERVATION = np.array([0.5, -0.4, 0.3], np.float32)
N, A = 4, 2


@pytest.fixture
def bundle(tmp_path):
    return Bundle.load(make_bundle(tmp_path / "bundle"))


@pytest.fixture
def driver(monkeypatch):
    with a_gpu(monkeypatch) as driver:
        yield driver


@pytest.fixture
def trt(monkeypatch, driver, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with a_tensorrt(monkeypatch, driver) as trt:
        yield trt


@pytest.fixture
def graphs(trt, bundle):
    return load_backend("tensorrt")(bundle, bundle.variant(N, 2), threads=1)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((N, A), np.float32)


def step(graphs, particles, origin, index=0, state=None):
    rest = np.zeros((N, A), np.float32)
    first, second = (rest, rest) if state is None else (state.first_moment, state.second_moment)
    return graphs.step(OBSERVATION, particles, origin, first, second, index, 0.05, np.inf)


def test_each_stage_is_one_launch_with_one_copy_in_and_one_out(graphs, driver):
    driver.copies.clear()
    driver.launches = 0
    origin = graphs.reference(OBSERVATION, noise())
    assert [way for way, _ in driver.copies] == ["in", "out"]
    graphs.select(OBSERVATION, origin, np.zeros(N, np.float32), 1.0)
    assert [way for way, _ in driver.copies] == ["in", "out"] * 2
    step(graphs, origin, origin)
    assert [way for way, _ in driver.copies] == ["in", "out"] * 3
    assert driver.launches == 3


def test_particles_stay_there_between_steps(graphs, driver):
    origin = graphs.reference(OBSERVATION, noise()).copy()
    first = step(graphs, origin, origin)
    driver.copies.clear()
    second = step(graphs, first.moved, origin, 1, first)
    third = step(graphs, second.moved, origin, 2, second)
    sizes_in = [size for way, size in driver.copies if way == "in"]
    driver.copies.clear()
    step(graphs, third.moved.copy(), origin, 3, third)  # not where the step before has left them
    (whole,) = [size for way, size in driver.copies if way == "in"]
    assert sizes_in[0] == sizes_in[1] == whole - 3 * 256  # particles and two moments, each 32 bytes in a place of 256


def test_everything_is_given_back(trt, bundle, driver):
    graphs = load_backend("tensorrt")(bundle, bundle.variant(N, 2), threads=1)
    # Two blocks each of reference, select and step, on either side; the step's turns are recorded whole and chained.
    assert (len(driver.allocated), len(driver.graphs), len(driver.streams)) == (12, 6, 1)
    del graphs
    assert (len(driver.allocated), len(driver.graphs), len(driver.streams)) == (0, 0, 0)


def test_ticks_go_on_while_another_bundle_is_recorded(trt, graphs, bundle, driver):
    expected = graphs.reference(OBSERVATION, noise(1)).copy()
    found = []

    def tick():
        found.append(graphs.reference(OBSERVATION, noise(1)).copy())

    def tick_aside():
        thread = threading.Thread(target=tick)
        thread.start()
        thread.join()

    driver.while_recording = tick_aside
    other = load_backend("tensorrt")(bundle, bundle.variant(N, 2), threads=1)
    driver.while_recording = lambda: None
    assert len(found) == 6
    for each in (*found, other.reference(OBSERVATION, noise(1))):
        np.testing.assert_array_equal(each, expected)


def test_networks_are_strongly_typed_and_engines_kept(trt, bundle):
    variant = bundle.variant(N, 2)
    one = load_backend("tensorrt")(bundle, variant, threads=1)
    assert trt.builds == 3
    assert trt.flags == [2, 2, 2]
    other = load_backend("tensorrt")(bundle, variant, threads=1)
    assert trt.builds == 3
    assert one.facts == other.facts
    assert one.facts["library"] == "TensorRT 10.3.0"
    assert len({one.facts[name] for name in (variant.reference, variant.step, variant.select)}) == 3


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:-1] + b"x", lambda c: b"", lambda c: b"{}\n" + c])
def test_a_damaged_engine_is_built_again(trt, bundle, tmp_path, damage):
    variant = bundle.variant(N, 2)
    load_backend("tensorrt")(bundle, variant, threads=1)
    for path in (tmp_path / "cache").rglob("*.engine"):
        path.write_bytes(damage(path.read_bytes()))
    graphs = load_backend("tensorrt")(bundle, variant, threads=1)
    assert trt.builds == 6
    np.testing.assert_allclose(graphs.reference(OBSERVATION, noise()), noise() * 0.1, rtol=1e-6)


def test_an_engine_of_another_device_or_version_is_none_of_this_one(trt, bundle, monkeypatch, tmp_path):
    variant = bundle.variant(N, 2)
    load_backend("tensorrt")(bundle, variant, threads=1)
    engines = sorted((tmp_path / "cache").rglob("*.engine"))
    with a_gpu(monkeypatch, FakeDriver("Another GPU")) as driver, a_tensorrt(monkeypatch, driver) as other:
        load_backend("tensorrt")(bundle, variant, threads=1)
        assert other.builds == 3
    with a_gpu(monkeypatch) as driver, a_tensorrt(monkeypatch, driver, "11.4.0") as newer:
        load_backend("tensorrt")(bundle, variant, threads=1)
        assert newer.builds == 3
    foreign = sorted(set((tmp_path / "cache").rglob("*.engine")) - set(engines))
    for mine, theirs in zip(engines, foreign, strict=False):
        theirs.replace(mine)  # put under the name of this device's
    with a_gpu(monkeypatch) as driver, a_tensorrt(monkeypatch, driver) as again:
        load_backend("tensorrt")(bundle, variant, threads=1)
        assert again.builds == 3


@pytest.mark.parametrize("name", ["cube-single-play", "hopper-replay"])
def test_normalisations_with_one_output_are_the_same_function(name):
    bundle = Bundle.load(name)
    manifest = bundle.manifest
    path = bundle.folder / bundle.variant(10, 5).step
    before = [node for node in onnx.load(path, load_external_data=False).graph.node if any(node.output[1:])]
    content = self_contained(path)
    after = onnx.load_from_string(content)
    assert any(node.op_type == "LayerNormalization" for node in before)
    assert not any(node.op_type == "LayerNormalization" and any(node.output[1:]) for node in after.graph.node)
    onnx.checker.check_model(after, full_check=True)
    generator = np.random.default_rng(0)
    grid = (10, manifest.action_size)
    inputs = {name: generator.uniform(-0.5, 0.5, grid).astype(np.float32) for name in ("particles", "origin")}
    inputs |= {name: np.zeros(grid, np.float32) for name in ("first_moment", "second_moment")}
    inputs["observation"] = generator.uniform(-1, 1, manifest.observation_size).astype(np.float32)
    inputs |= {"step_size": np.float32(0.05), "max_distance": np.float32(np.inf), "step_index": np.int64(0)}
    runs = [onnxruntime.InferenceSession(each, providers=["CPUExecutionProvider"]) for each in (str(path), content)]
    names = [node.name for node in runs[0].get_outputs()]
    inputs = {key: np.asarray(value) for key, value in inputs.items()}
    for one, other in zip(*(run.run(names, inputs) for run in runs), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-5)


def test_a_graph_that_the_parser_refuses_has_its_reason(trt, bundle, monkeypatch):
    module = __import__("vgf_robot.backends.tensorrt_engine", fromlist=["self_contained"])
    monkeypatch.setattr(module, "self_contained", lambda path: path.read_bytes())
    name = Bundle.load("hopper-replay")
    with pytest.raises(BundleError, match=r"ONNX parser of TensorRT 10\.3\.0 takes, found: weights are not here"):
        load_backend("tensorrt")(name, name.variant(1, 5), threads=1)


def test_another_graph_is_refused(trt, tmp_path):
    folder = make_bundle(tmp_path / "other", num_particles=(1, 4))
    bundle = Bundle.load(folder)
    (folder / "reference-n4.onnx").write_bytes((folder / "reference-n1.onnx").read_bytes())
    with pytest.raises(BundleError, match=re.escape("expected 'noise' float32 (4, 2), found 'noise' float32 (1, 2)")):
        load_backend("tensorrt")(bundle, bundle.variant(4, 2), threads=1)


def test_without_a_driver_the_sentence_says_so(monkeypatch):
    monkeypatch.setattr(cuda, "LIBRARY", "libcuda-that-is-not-there.so.1")
    with pytest.raises(MachineError, match=r"needs an NVIDIA GPU and its driver.*choose another backend"):
        cuda.open_gpu()


def test_what_the_driver_refuses_is_named(monkeypatch):
    driver = FakeDriver()
    driver.failing.add("cuDeviceGet")
    with a_gpu(monkeypatch, driver), pytest.raises(MachineError, match=r"refused cuDeviceGet: error 999 \(a made up"):
        cuda.open_gpu()


def test_a_missing_tensorrt_names_the_install_line(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "tensorrt":
            raise ModuleNotFoundError("No module named 'tensorrt'", name="tensorrt")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for name in ("tensorrt_engine", "tensorrt_native"):
        monkeypatch.delitem(__import__("sys").modules, f"vgf_robot.backends.{name}", raising=False)
    with pytest.raises(MachineError, match=re.escape("run `pip install 'vgf-robot[tensorrt]'`.")):
        load_backend("tensorrt")


def test_a_package_whose_libraries_are_missing_is_told_from_one_that_is_not_there(monkeypatch):
    real = builtins.__import__

    def broken(name, *rest):
        if name == "tensorrt":
            raise ImportError("libnvinfer.so.11: cannot open shared object file")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", broken)
    for name in ("tensorrt_engine", "tensorrt_native"):
        monkeypatch.delitem(__import__("sys").modules, f"vgf_robot.backends.{name}", raising=False)
    with pytest.raises(MachineError, match=r"libraries do not load \(libnvinfer.so.11"):
        load_backend("tensorrt")
    assert "tensorrt" not in installed_backends()


def test_the_build_for_cpus_is_told_from_that_for_gpus():
    if onnxruntime_gpu.CUDA in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    sentence = why_not("onnxruntime-cuda") or ""
    assert "build of ONNX Runtime with CUDAExecutionProvider, found" in sentence
    assert "pip install 'vgf-robot[gpu]'" in sentence


def test_a_provider_that_does_not_load_is_no_silent_cpu(monkeypatch, driver, bundle):
    monkeypatch.setattr(onnxruntime_gpu, "onnxruntime", FakeOnnxRuntime(onnxruntime_gpu.CUDA, loads=False))
    with pytest.raises(
        MachineError, match=r"CUDAExecutionProvider is built into ONNX Runtime 1\.31\.0 and does not load"
    ):
        load_backend("onnxruntime-cuda")(bundle, bundle.variant(N, 2), threads=1)


def test_onnxruntime_gets_the_stream_of_the_copies_and_no_tf32(monkeypatch, driver, bundle):
    ort = FakeOnnxRuntime(onnxruntime_gpu.CUDA)
    monkeypatch.setattr(onnxruntime_gpu, "onnxruntime", ort)
    graphs = load_backend("onnxruntime-cuda")(bundle, bundle.variant(N, 2), threads=1)
    assert graphs.facts["library"] == "ONNX Runtime 1.31.0"
    assert len(ort.asked) == 4  # one session per turn of the step
    streams = {options.pop("user_compute_stream") for ((_, options),) in ort.asked}
    assert {int(stream) for stream in streams} == driver.streams
    for ((provider, options),) in ort.asked:
        assert provider == onnxruntime_gpu.CUDA
        assert options == {"device_id": "0", "enable_cuda_graph": "1", "use_tf32": "0"}
    assert set(ort.run_options) == {("disable_synchronize_execution_providers", "1")}


@pytest.mark.parametrize(("precision", "flag"), [("float32", None), ("float16", "trt_fp16_enable")])
def test_tensorrts_provider_gets_its_caches_and_the_flag_of_the_precision(
    monkeypatch, driver, tmp_path, precision, flag
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    backend = onnxruntime_gpu.OnnxRuntimeGpu(onnxruntime_gpu.TENSORRT)
    ((provider, options),) = backend._providers(precision, cuda.open_gpu())
    assert provider == onnxruntime_gpu.TENSORRT
    folder = str(tmp_path / "vgf-robot" / "onnxruntime-tensorrt")
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == folder
    assert [key for key in options if key in ("trt_fp16_enable", "trt_bf16_enable")] == ([flag] if flag else [])
