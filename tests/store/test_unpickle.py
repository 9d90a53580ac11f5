"""Pickles are read as data: values as they were written, and nothing that they ask for besides."""

from __future__ import annotations

import copyreg
import enum
import gc
import lzma
import pickle
import random
import subprocess
import sys
import threading
import types
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lead_xb.schemas.errors import DataError, UnsafePickleError
from lead_xb.store.standins import Standin, standin_type
from lead_xb.store.unpickle import NUMPY, NUPLAN, AllowList, loads, loads_lzma
from tests.store import pickle_corpus as corpus

ROOT = Path(__file__).parents[2]
OBJECTS = replace(NUMPY, object_arrays=True)
ACTOR_STATE = "nuplan.common.actor_state"

ARRAYS = {
    "C order": np.arange(6.0).reshape(2, 3),
    "F order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "reversed": np.arange(6.0)[::-1],
    "transposed": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "without dimensions": np.array(3.5),
    "empty": np.zeros((0, 7)),
    "booleans": np.array([True, False]),
    "half precision": np.float16([[1, 2], [np.nan, np.inf]]),
    "big endian": np.arange(5, dtype=">i4"),
    "complex": np.array([1j, 2]),
    "text": np.array(["vehicle", "pedestrian", "é\U0001f697"]),
    "bytes": np.array([b"ab", b"c"]),
}


def read(data: bytes, allow: AllowList = NUMPY) -> Any:
    return loads(data, path="log.pkl", allow=allow)


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back_with_their_types(protocol: int) -> None:
    plain: dict[Any, Any] = {
        "numbers": [0, -1, 2**70, 1.5, float("inf"), True, None], "nested": {3: ("a", ["é\n\\u", ()])}, (1, "b"): []
    }
    assert repr(read(pickle.dumps(plain, protocol))) == repr(plain)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("name", ARRAYS)
def test_numpy_arrays_come_back_bit_for_bit(name: str, protocol: int) -> None:
    data = pickle.dumps({"key": ARRAYS[name], "more": [(1, (ARRAYS[name],))]}, protocol)
    loaded = read(data)
    for array in (loaded["key"], loaded["more"][0][1][0]):
        assert type(array) is np.ndarray
        assert same_bits(array, ARRAYS[name])


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_numpy_scalars_come_back_bit_for_bit(protocol: int) -> None:
    for scalar in (np.float32(0.1), np.float64("nan"), np.int64(-3), np.bool_(True), np.str_("é"), np.float16(2)):
        loaded = read(pickle.dumps(scalar, protocol))
        assert type(loaded) is type(scalar)
        assert loaded.tobytes() == scalar.tobytes()


def test_the_spelling_of_numpy_1_loads_without_a_warning() -> None:
    data = corpus.array(corpus.value((2,)), corpus.dtype("f8"), corpus.value(np.float64([1, 2]).tobytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(corpus.pickled(data)).tolist() == [1.0, 2.0]


def test_a_shared_array_stays_shared_and_shares_the_memory_of_the_pickle() -> None:
    first, second = read(pickle.dumps([ARRAYS["reversed"]] * 2, 4))
    assert first is second
    assert not first.flags.owndata


def test_object_arrays_of_text_need_the_option() -> None:
    data = pickle.dumps(np.array(["car", "bus"], np.object_), 4)
    loaded = read(data, OBJECTS)
    assert (loaded.dtype, loaded.tolist()) == (np.dtype("O"), ["car", "bus"])
    with pytest.raises(UnsafePickleError, match=r"numpy type 'O8'"):
        read(data)


def test_object_arrays_of_anything_else_are_refused_even_with_the_option() -> None:
    with pytest.raises(UnsafePickleError, match="other than text"):
        read(pickle.dumps(np.array(["car", [1]], np.object_), 4), OBJECTS)


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]", "f8,i4", "V8", "longdouble"])
def test_other_numpy_types_are_refused(kind: str) -> None:
    with pytest.raises(UnsafePickleError, match="expected plain numbers or text"):
        read(pickle.dumps(np.zeros(2, kind), 4))


def test_a_dtype_state_with_fields_is_refused() -> None:
    made = corpus.call(corpus.named("numpy", "dtype"), corpus.value("f8"), b"\x89", b"\x88")
    state = corpus.value((3, "<", None, ("a",), {"a": 1}, 8, 8, 63))
    with pytest.raises(UnsafePickleError, match="fields"):
        read(corpus.pickled(corpus.build(made, state)))


def test_text_beyond_unicode_is_refused() -> None:
    data = corpus.array(corpus.value((1,)), corpus.dtype("U1", 4), corpus.value(b"\xff\xff\xff\x7f"))
    with pytest.raises(DataError, match="other than characters"):
        read(corpus.pickled(data))


@dataclass
class StateSE2:
    """Like nuPlan's: attributes in slots only."""

    __slots__ = ("heading", "x")
    x: float
    heading: float


class TrackedObjectType(enum.Enum):
    """Like nuPlan's: pickled as a call with its value."""

    VEHICLE = 0


class OrientedBox:
    """Like nuPlan's: attributes in a dict, one of them an array that is not contiguous."""

    def __init__(self) -> None:
        self._center = StateSE2(1.5, 0.1)
        self._corners = ARRAYS["reversed"]

    def __getnewargs_ex__(self) -> tuple[tuple[int, ...], dict[str, int]]:
        return (7,), {"width": 2}

    def __new__(cls, *args: int, **kwargs: int) -> OrientedBox:
        return super().__new__(cls)


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three classes, as if they came from nuPlan."""
    for module_name, kind in (
        ("state_representation", StateSE2), ("tracked_objects_types", TrackedObjectType), ("oriented_box", OrientedBox)
    ):
        module = types.ModuleType(f"{ACTOR_STATE}.{module_name}")
        monkeypatch.setattr(kind, "__module__", module.__name__)
        monkeypatch.setattr(module, kind.__name__, kind, raising=False)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "nuplan", types.ModuleType("nuplan"))


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_foreign_objects_become_stand_ins(protocol: int) -> None:
    ranges = {TrackedObjectType.VEHICLE: [OrientedBox()]}
    if protocol == 2:  # arrays of protocol 2 need a codec
        ranges[TrackedObjectType.VEHICLE][0]._corners = np.array(1)
        ranges[TrackedObjectType.VEHICLE][0].__dict__.pop("_corners")
    loaded = read(pickle.dumps(ranges, protocol), NUPLAN)
    [(kind, [box])] = loaded.items()
    assert kind == standin_type(f"{ACTOR_STATE}.tracked_objects_types.TrackedObjectType")(0)
    assert box.qualified_name == f"{ACTOR_STATE}.oriented_box.OrientedBox"
    if protocol > 2:
        assert (box.args, box.kwargs) == ((7,), {"width": 2})
        assert same_bits(box.get("_corners"), ARRAYS["reversed"])
    assert box.get("_center").slots == {"x": 1.5, "heading": 0.1}
    assert pickle.loads(pickle.dumps(loaded)) == loaded
