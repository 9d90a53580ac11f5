"""What a pickle may build besides plain values: numpy arrays and scalars, and stand-ins for foreign classes."""

from __future__ import annotations

import enum
import pickle
import sys
import types
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from lead_xb.schemas.errors import DataError, UnsafePickleError
from lead_xb.store.standins import Standin, standin_type
from lead_xb.store.unpickle import NUMPY, NUPLAN, AllowList, loads
from tests.store import pickle_corpus as corpus

OBJECTS = replace(NUMPY, object_arrays=True)
ACTOR_STATE = "nuplan.common.actor_state"

ARRAYS: dict[str, np.ndarray] = {
    "C order": np.arange(6.0).reshape(2, 3),
    "F order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "reversed": np.arange(6.0)[::-1],
    "transposed": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "without dimensions": np.array(3.5),
    "empty": np.zeros((0, 7)),
    "booleans": np.array([True, False]),
    "half precision": np.array([[1, 2], [np.nan, np.inf]], np.float16),
    "big endian": np.arange(5, dtype=">i4"),
    "complex": np.array([1j, 2]),
    "text": np.array(["vehicle", "pedestrian", "é\U0001f697"]),
    "bytes": np.array([b"ab", b"c"]),
}


def read(data: bytes, allow: AllowList = NUMPY) -> Any:
    return loads(data, path="log.pkl", allow=allow)


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


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
    data = corpus.array(corpus.value((2,)), corpus.dtype("f8"), corpus.value(np.array([1.0, 2.0]).tobytes()))
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
    forged_pointer = corpus.array(corpus.value((1,)), corpus.OBJECT, corpus.value(b"A" * 8))
    for data in (pickle.dumps(np.array(["car", [1]], np.object_), 4), corpus.pickled(forged_pointer)):
        with pytest.raises(UnsafePickleError, match="other than text"):
            read(data, OBJECTS)


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]", "f8,i4", "V8", "longdouble"])
def test_other_numpy_types_are_refused(kind: str) -> None:
    with pytest.raises(UnsafePickleError, match="expected plain numbers or text"):
        read(pickle.dumps(np.zeros(2, kind), 4))


F8, PAIR = corpus.dtype("f8"), corpus.value((2,))
FIELDS = corpus.value((3, "<", None, ("a",), {"a": 1}, 8, 8, 63))
STAMP = corpus.build(corpus.call(corpus.TIME_POINT), corpus.value((None, {"time_us": 1})))

MALFORMED = {
    "has a subarray, fields": corpus.build(corpus.call(corpus.named("numpy", "dtype"), corpus.value("f8")), FIELDS),
    "has no byte order": corpus.dtype("f8", byte_order="?"),
    "does not have items of 12 bytes": corpus.dtype("U3", 7),
    "holds a DtypeRecord": F8,
    "other than characters": corpus.array(corpus.value((1,)), corpus.dtype("U1", 4), corpus.value(b"\xff" * 4)),
    r"of 16 bytes and shape \(2,\) comes with 24": corpus.array(PAIR, F8, corpus.value(bytes(24))),
    "buffer is too small": corpus.array(PAIR, F8, corpus.value(bytes(8))),
    r"shape \(1,\) comes with 8": corpus.array(corpus.value((-1,)), F8, corpus.value(bytes(8))),
    "negative dimensions": corpus.array(corpus.value((2, -1)), F8, corpus.value(bytes(8))),
    "of a class other than numpy.ndarray": corpus.call(corpus.RECONSTRUCT, corpus.TIME_POINT, PAIR, PAIR),
    "no attribute 'array'": corpus.call(corpus.RECONSTRUCT, corpus.named("numpy", "ndarray"), PAIR, PAIR),
    "scalar has no type": corpus.call(corpus.SCALAR, PAIR, PAIR),
    "has no type and order": corpus.call(corpus.FROM_BUFFER, corpus.value(bytes(16)), F8, PAIR, corpus.value("X")),
    "sets attributes of a function": corpus.build(corpus.SCALAR, corpus.value({"x": 1})),
    "is set twice": corpus.build(STAMP, corpus.value({"time_us": 2})),
    "is not a dict of attributes": corpus.build(corpus.call(corpus.TIME_POINT), corpus.value([1])),
}


@pytest.mark.parametrize("reason", MALFORMED)
def test_a_malformed_record_is_refused_with_its_reason(reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(corpus.pickled(MALFORMED[reason]), NUPLAN)


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
        ("state_representation", StateSE2),
        ("tracked_objects_types", TrackedObjectType),
        ("oriented_box", OrientedBox),
    ):
        module = types.ModuleType(f"{ACTOR_STATE}.{module_name}")
        monkeypatch.setattr(kind, "__module__", module.__name__)
        monkeypatch.setattr(module, kind.__name__, kind, raising=False)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "nuplan", types.ModuleType("nuplan"))


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("protocol", [4, 5])
def test_foreign_objects_become_stand_ins(protocol: int) -> None:
    loaded = read(pickle.dumps({TrackedObjectType.VEHICLE: [OrientedBox()]}, protocol), NUPLAN)
    [(kind, [box])] = loaded.items()
    assert kind == standin_type(f"{ACTOR_STATE}.tracked_objects_types.TrackedObjectType")(0)
    assert (box.qualified_name, box.args) == (f"{ACTOR_STATE}.oriented_box.OrientedBox", (7,))
    assert box.kwargs == {"width": 2}
    assert box.get("_center").slots == {"x": 1.5, "heading": 0.1}
    assert same_bits(box.get("_corners"), ARRAYS["reversed"])
    assert pickle.loads(pickle.dumps(loaded)) == loaded


def test_arrays_in_the_arguments_of_a_stand_in_are_arrays() -> None:
    numbers = corpus.array(corpus.value((2,)), F8, corpus.value(bytes(16)))
    assert read(corpus.pickled(corpus.call(corpus.TIME_POINT, numbers)), NUPLAN).args[0].tolist() == [0.0, 0.0]


@pytest.mark.usefixtures("foreign")
def test_foreign_objects_need_their_allow_list() -> None:
    data = pickle.dumps(StateSE2(1.5, 0.1), 4)
    with pytest.raises(UnsafePickleError, match=rf"asks for '{ACTOR_STATE}.state_representation.StateSE2'"):
        read(data)


def test_stand_ins_differ_by_class_and_by_content() -> None:
    first, second = standin_type("a.B"), standin_type("a.C")
    assert first(1) == first(1)
    assert first(1) != first(2)
    assert first(1) != second(1)
    assert first(np.arange(2)) != first(np.arange(3))
    assert len({first(1), first(1), second(1)}) == 2


def test_a_missing_attribute_is_named_with_those_that_are_there() -> None:
    box = standin_type("a.Box")()
    box.__setstate__(({"_x": 1}, {"_y": 2}))
    assert (box.get("_x"), box.get("_y")) == (1, 2)
    with pytest.raises(KeyError, match=r"a\.Box has no 'x', only \['_x', '_y'\]"):
        box.get("x")


def test_the_state_of_a_stand_in_is_only_data() -> None:
    hostile = {"__class__": "os", "__dict__": {}, "__reduce__": 1, "get": 2}
    loaded = read(corpus.pickled(corpus.build(corpus.call(corpus.TIME_POINT), corpus.value(hostile))), NUPLAN)
    assert isinstance(loaded, Standin)
    assert loaded.state == hostile
    assert loaded.get("get") == 2
