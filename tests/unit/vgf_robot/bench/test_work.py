"""Operations and bytes are those of the products by hand, and the roof is a number above nothing."""

import pytest

from vgf_robot.bench import Roofline, synthetic_bundle
from vgf_robot.bench.gemm_rate import gemm_rate
from vgf_robot.bench.work import Product, count_work

pytest.importorskip("onnx")

N, O, A, WIDTH, CRITICS, K = 10, 28, 5, 512, 2, 10  # noqa: E741
HIDDEN = 3  # square layers of each network


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return synthetic_bundle(tmp_path_factory.mktemp("synthetic") / "bundle")


def test_operations_are_those_of_the_layers(bundle):
    work = count_work(bundle, bundle.manifest.variants[0])
    velocity = 2 * N * ((O + A + 1) * WIDTH + HIDDEN * WIDTH**2 + WIDTH * A)
    values = CRITICS * 2 * N * ((O + A) * WIDTH + HIDDEN * WIDTH**2 + WIDTH)
    kernel = 2 * N * N * A
    assert work.operations(0) == K * velocity + values
    assert work.operations(3) - work.operations(0) == 3 * (2 * values + kernel)


def test_the_heaviest_product_is_the_square_layer(bundle):
    product, count = count_work(bundle, bundle.manifest.variants[0]).heaviest()
    assert product == Product(N, WIDTH, WIDTH, 4)
    assert count == CRITICS * HIDDEN * 2  # forwards and backwards
    assert product.num_bytes == 4 * (2 * N * WIDTH + WIDTH**2)


def test_a_rate_is_measured_and_a_row_stands_against_it(bundle):
    assert gemm_rate(Product(2, 8, 8, 4), 3, threads=1) > 0
    assert gemm_rate(Product(2, 8, 8, 4), 3, threads=1, backend="tensorrt") is None
    roofline = Roofline(bundle)
    variant = bundle.manifest.variants[0]
    (row,) = roofline.facts(variant, "onnxruntime-cpu", 1, [{"max_steps": 1, "tick_ms": {"p50": 5.0}}])
    assert row["memory_ms"] > 0
    assert row["tick_mflop"] * 1e6 == count_work(bundle, bundle.manifest.variants[0]).operations(1)
    assert row["times_roof"] == pytest.approx(5.0 / row["roof_ms"])
    (other,) = roofline.facts(variant, "tensorrt", 1, [{"max_steps": 1, "tick_ms": {"p50": 5.0}}])
    assert set(row) - set(other) == {"gemm_gflop_per_s", "roof_ms", "memory_ms", "times_roof"}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_rate_is_that_of_the_backend_and_precision(precision):
    pytest.importorskip("openvino")
    assert gemm_rate(Product(2, 64, 64, 4), 2, threads=1, backend="openvino-cpu", precision=precision) > 0
