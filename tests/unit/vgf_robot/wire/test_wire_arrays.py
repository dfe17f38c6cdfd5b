import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vgf_robot.bundle import Field
from vgf_robot.wire.arrays import WireArray, pack, unpack
from vgf_robot.wire.faults import ErrorKind, RefusedError

FIELDS = (
    Field(name="goal", size=2, unit="m", low=(0.0, 0.0), high=(1.0, 1.0)),
    Field(name="speed", size=1, unit="m/s", low=(0.0,), high=(1.0,)),
)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def refusal_of(array: WireArray) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        unpack(array, FIELDS)
    return caught.value


@given(arrays(np.float32, 3, elements=FINITE), st.sampled_from(["<f4", "<f8", ">f4", ">f8"]))
def test_round_trip_keeps_every_float32(vector, dtype):
    np.testing.assert_array_equal(unpack(pack(vector.astype(dtype)), FIELDS), vector)


def test_packing_a_view_with_strides_and_integers():
    np.testing.assert_array_equal(unpack(pack(np.arange(6.0)[::2]), FIELDS), [0, 2, 4])
    np.testing.assert_array_equal(unpack(pack(np.array([1, 2, 3])), FIELDS), [1, 2, 3])


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "float32", "<i4", "O", "", "f4" * 100])
def test_another_dtype_is_refused(dtype):
    refusal = refusal_of(WireArray(dtype=dtype, shape=(3,), data=bytes(12)))
    assert refusal.kind is ErrorKind.WRONG_DTYPE
    assert "<f4" in refusal.expected


@pytest.mark.parametrize("shape", [(), (2,), (4,), (1, 3), (3, 1), (-1,), (2**62, 4), (1,) * 500])
def test_another_shape_is_refused_with_the_layout(shape):
    refusal = refusal_of(WireArray(dtype="<f4", shape=shape, data=bytes(12)))
    assert refusal.kind is ErrorKind.WRONG_SHAPE
    assert "goal (2), speed (1)" in refusal.expected
    assert len(refusal.found) < 200


@pytest.mark.parametrize("length", [0, 11, 13, 24])
def test_bytes_that_do_not_fill_the_shape_are_refused(length):
    assert refusal_of(WireArray(dtype="<f4", shape=(3,), data=bytes(length))).kind is ErrorKind.WRONG_LENGTH


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_an_entry_that_is_not_a_finite_float32_is_named(bad):
    refusal = refusal_of(pack(np.array([0.0, 0.0, bad])))
    assert refusal.kind is ErrorKind.NON_FINITE
    assert "entry 2, which is speed[0]" in refusal.found
