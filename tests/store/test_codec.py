"""Packed cells: types and bits survive, damage is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_xb.schemas.errors import SchemaError
from lead_xb.store.codec import (
    compress,
    compress_array,
    decompress,
    decompress_array,
    pack_native,
    same_bits,
    unpack_native,
)
from lead_xb.store.standins import standin_type

numbers = st.integers() | st.floats() | st.booleans() | st.none() | st.text() | st.binary()
arrays = st.sampled_from(
    [
        np.arange(6.0).reshape(2, 3),
        np.zeros((0, 2), np.float16),
        np.array(["ab", "c"]),
        np.array([["ab"], [None]], object),
    ]
)
natives = st.recursive(
    numbers | arrays | st.builds(np.float32, st.floats(width=32)),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
    max_leaves=12,
)


@given(natives)
def test_native_values_survive_with_type_and_bits(value: object) -> None:
    assert same_bits(unpack_native(pack_native(value)), value)


def test_fortran_arrays_keep_their_values_and_are_writable() -> None:
    array = np.asfortranarray(np.arange(6).reshape(2, 3))
    back = unpack_native(pack_native(array))
    assert same_bits(back, array) and back.flags.writeable and back.flags.f_contiguous


def test_standins_survive() -> None:
    box = standin_type("nuplan.box.OrientedBox")(1.0, width=2.0)
    box.__setstate__(({"_center": (1, 2)}, {"x": np.float64(3.0)}))
    back = unpack_native(pack_native([box]))[0]
    assert back == box and back.qualified_name == "nuplan.box.OrientedBox" and same_bits(back, box)


def test_unknown_types_are_refused() -> None:
    with pytest.raises(TypeError, match=r"cannot keep a native value of type builtins.set"):
        pack_native({1, 2})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (True, 1),
        ([1], (1,)),
        (np.float32(1), np.float64(1)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_same_bits_tells_apart_what_equality_does_not(left: object, right: object) -> None:
    assert not same_bits(left, right)
    assert same_bits(left, left) and same_bits(right, right)


def test_point_columns_survive_and_their_size_is_checked() -> None:
    values = np.arange(1000, dtype=np.int32)
    data = compress_array(values)
    np.testing.assert_array_equal(decompress_array(data, "int32", 1000), values)
    with pytest.raises(SchemaError, match="a packed cell has"):
        decompress_array(data, "int32", 999)


def test_every_truncation_and_byte_flip_is_refused_or_harmless() -> None:
    value = {"a": [1, 2.5, "text"], "b": np.arange(4)}
    data = pack_native(value)
    for cut in range(len(data)):
        with pytest.raises(SchemaError):
            unpack_native(data[:cut])
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        try:
            unpack_native(bytes(damaged))
        except SchemaError:
            continue


def test_empty_data_is_a_frame_of_its_own() -> None:
    assert decompress(compress(b"")) == b""
