"""Inert records that a pickle may build instead of the classes and functions it names.

`lead_xb.store.unpickle` resolves every allowed global to an object of this module, so nothing that a file
names is ever imported, and the state that a file sends (the BUILD opcode) only ever reaches code below.
All methods that a pickle can call take `object`: their arguments come from the file and are checked here.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import Any, ClassVar, Literal, cast

import numpy as np


class RefusedError(Exception):
    """A pickle wants something that data never needs; `unpickle` adds the file and raises it anew."""


class Standin:
    """What a pickle says about an object of a foreign class, without the class.

    Attributes:
        qualified_name: the class, e.g. `nuplan.common.actor_state.oriented_box.OrientedBox`.
        args: positional constructor arguments; `(value,)` for an enum member.
        kwargs: keyword constructor arguments.
        state: the attributes in `__dict__` by their stored names (nuPlan's start with `_`: `_center`).
        slots: the attributes in `__slots__`.

    Two stand-ins are equal when all five are (arrays: same type, shape and bits). `pickle` can send them
    between our own processes.
    """

    __slots__ = ("args", "kwargs", "slots", "state")
    qualified_name: ClassVar[str] = ""

    args: tuple[object, ...]
    kwargs: dict[str, object]
    state: dict[str, object]
    slots: dict[str, object]

    def __new__(cls, *args: object, **kwargs: object) -> Standin:
        """Keep the arguments; REDUCE, NEWOBJ, NEWOBJ_EX, INST and OBJ all arrive here."""
        self = object.__new__(cls)
        self.args, self.kwargs, self.state, self.slots = args, kwargs, {}, {}
        return self

    def __setstate__(self, state: object) -> None:
        """Keep the attributes: a dict, or `(dict or None, dict or None)` of a class with `__slots__`."""
        if self.state or self.slots:
            raise ValueError(f"the state of a {self.qualified_name} is set twice")
        attributes, slots = state if type(state) is tuple and len(state) == 2 else (state, None)
        if not isinstance(attributes, dict | None) or not isinstance(slots, dict | None):
            raise ValueError(f"the state of a {self.qualified_name} is not a dict of attributes")
        self.state, self.slots = attributes or {}, slots or {}

    def get(self, name: str) -> object:
        """The attribute `name`; a KeyError says which attributes there are."""
        for attributes in (self.slots, self.state):
            if name in attributes:
                return attributes[name]
        raise KeyError(f"{self.qualified_name} has no {name!r}, only {[*self.state, *self.slots]}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Standin):
            return NotImplemented
        return _same(self._parts(), other._parts())

    def __hash__(self) -> int:
        return hash((self.qualified_name, self.args))

    def __repr__(self) -> str:
        return f"<Standin {self.qualified_name} {self.args or [*self.state, *self.slots]}>"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_standin, self._parts()

    def _parts(self) -> tuple[object, ...]:
        return self.qualified_name, self.args, self.kwargs, self.state, self.slots


@cache
def standin_type(qualified_name: str) -> type[Standin]:
    """The stand-in for one class; a type of its own because NEWOBJ calls `type.__new__`."""
    short_name = qualified_name.rpartition(".")[2]
    return type(short_name, (Standin,), {"__slots__": (), "qualified_name": qualified_name})


def _restore_standin(qualified_name: str, *parts: Any) -> Standin:
    standin = object.__new__(standin_type(qualified_name))
    standin.args, standin.kwargs, standin.state, standin.slots = parts
    return standin


def _same(left: object, right: object) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) or bool(left != left and right != right)


class DtypeRecord:
    """Stands for `numpy.dtype`: booleans, numbers and text of fixed length, nothing else.

    numpy's own `dtype.__setstate__` believes any item size, flags and fields, so a file could turn its bytes
    into pointers (plain `pickle.loads` dies of that by a signal); here the state may only name the byte order.
    Before the state has come, `array` raises AttributeError.
    """

    __slots__ = ("_name", "_real")
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|[SU][1-9][0-9]{0,6}")

    _name: str
    _real: np.dtype[np.generic]

    def __new__(cls, *args: object) -> DtypeRecord:
        """From numpy's `(name, align, copy)`."""
        name = args[0] if args else None
        if type(name) is not str or not cls.allowed.fullmatch(name):
            shown = ascii(name)[:80] if type(name) is str else type(name).__name__
            raise RefusedError(f"it wants the numpy type {shown}, expected plain numbers or text")
        self = object.__new__(cls)
        self._name = name
        return self

    def __setstate__(self, state: object) -> None:
        """From `(3, byte order, no subarray, no names, no fields, item size, alignment, flags)`."""
        if type(state) is not tuple or len(state) != 8 or state[0] != 3 or state[2:5] != (None, None, None):
            raise RefusedError(f"the numpy type {self._name!r} has a subarray, fields or metadata")
        if state[1] not in ("<", ">", "|"):
            raise ValueError(f"the numpy type {self._name!r} has no byte order")
        real = np.dtype(self._name).newbyteorder(cast(Literal["<", ">", "|"], state[1]))
        if state[5] not in (-1, real.itemsize):
            raise RefusedError(f"the numpy type {self._name!r} does not have items of {real.itemsize} bytes")
        self._real = real

    def array(self, data: Any, shape: Any, order: Any) -> np.ndarray:
        """An array over `data`, without a copy, so that shared bytes cannot be multiplied into memory."""
        real = self._real
        array: np.ndarray = np.ndarray(shape, real, data, 0, None, order)
        if array.nbytes != len(data) or array.shape != shape:  # numpy infers (-1,)
            raise ValueError(f"a numpy array of {array.nbytes} bytes and shape {array.shape} comes with {len(data)}")
        if real.kind == "U" and np.frombuffer(data, f"{real.byteorder}u4").max(initial=0) > sys.maxunicode:
            raise ValueError("a numpy array of text holds something other than characters")
        return array


class ObjectDtypeRecord(DtypeRecord):
    """Stands for `numpy.dtype` where object arrays of text are allowed as well."""

    __slots__ = ()
    allowed = re.compile(DtypeRecord.allowed.pattern + r"|O8?")

    def array(self, data: Any, shape: Any, order: Any) -> np.ndarray:
        """An array of the texts in the list `data`, or of numbers as in the base class."""
        if not self._real.hasobject:
            return super().array(data, shape, order)
        if type(data) is not list or not all(type(item) is str for item in data):
            raise RefusedError("a numpy object array holds something other than text")
        array = np.empty(len(data), np.object_)
        array[:] = data
        data.clear()  # moved, not copied: a shared list cannot be multiplied into memory
        return array.reshape(shape, order=order)


class ArrayRecord:
    """Stands for an array made by `_reconstruct`; `unpickle` puts `array` in its place in the end.

    Before its state has come, `array` raises AttributeError.
    """

    __slots__ = ("array",)
    __hash__ = None  # type: ignore[assignment]  # like an array, it is never a key

    array: np.ndarray

    def __setstate__(self, state: Any) -> None:
        """From `(1, shape, dtype, is_fortran, data)`; `data` is a list for objects, else bytes."""
        version, shape, dtype, is_fortran, data = state
        if version != 1 or not isinstance(dtype, DtypeRecord):
            raise ValueError("the state of a numpy array is not (1, shape, dtype, is_fortran, data)")
        self.array = dtype.array(data, shape, "F" if is_fortran else "C")


class _Fixed:
    """An allowed global that a pickle may use but not change."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise RefusedError("it sets attributes of a function")


class _NdarrayType(_Fixed):
    """Stands for the class `numpy.ndarray`, which a pickle only passes on to `_reconstruct`."""

    __slots__ = ()


class _Reconstruct(_Fixed):
    """Stands for `numpy._core.multiarray._reconstruct`, whose shape and code are placeholders."""

    __slots__ = ()

    def __call__(self, subtype: object, shape: object, code: object) -> ArrayRecord:
        if type(subtype) is not _NdarrayType:
            raise RefusedError("it wants an array of a class other than numpy.ndarray")
        return ArrayRecord()


class _FromBuffer(_Fixed):
    """Stands for `numpy._core.numeric._frombuffer` (pickle protocol 5); numpy >= 2.3 may give `axes`."""

    __slots__ = ()

    def __call__(self, data: object, dtype: object, shape: object, order: object, *axes: object) -> np.ndarray:
        if not isinstance(dtype, DtypeRecord) or order not in ("C", "F", "K"):
            raise ValueError("a numpy array has no type and order")
        if order != "K":
            return dtype.array(data, shape, order)
        return dtype.array(data, shape, "C").transpose(*cast(tuple[tuple[int, ...]], axes))


class _Scalar(_Fixed):
    """Stands for `numpy._core.multiarray.scalar`, which makes arbitrary objects when it may."""

    __slots__ = ()

    def __call__(self, dtype: object, data: object) -> np.generic:
        if not isinstance(dtype, DtypeRecord):
            raise ValueError("a numpy scalar has no type")
        return cast(np.generic, dtype.array(data, (), "C")[()])


NUMPY_GLOBALS: dict[tuple[str, str], object] = {
    ("numpy", "dtype"): DtypeRecord,
    ("numpy", "ndarray"): _NdarrayType(),
}
for _core in ("numpy.core", "numpy._core"):  # the spellings of numpy 1 and 2
    NUMPY_GLOBALS[f"{_core}.multiarray", "_reconstruct"] = _Reconstruct()
    NUMPY_GLOBALS[f"{_core}.multiarray", "scalar"] = _Scalar()
    NUMPY_GLOBALS[f"{_core}.numeric", "_frombuffer"] = _FromBuffer()

LEAF_TYPES: frozenset[type] = frozenset(
    {bool, int, float, str, bytes, bytearray, type(None), np.ndarray}
    | {np.dtype(code).type for code in "?bhiqBHIQlLefdFDSU"}
)
"""Types of values in which nothing else can hide."""

NUPLAN_CLASSES: frozenset[str] = frozenset(
    f"nuplan.common.actor_state.{name}"
    for name in (
        "agent.Agent agent_state.AgentState agent_temporal_state.AgentTemporalState car_footprint.CarFootprint "
        "dynamic_car_state.DynamicCarState ego_state.EgoState oriented_box.OrientedBox scene_object.SceneObject "
        "scene_object.SceneObjectMetadata state_representation.Point2D state_representation.ProgressStateSE2 "
        "state_representation.StateSE2 state_representation.StateVector2D state_representation.TimePoint "
        "state_representation.TemporalStateSE2 static_object.StaticObject tracked_objects.TrackedObjects "
        "tracked_objects_types.TrackedObjectType vehicle_parameters.VehicleParameters waypoint.Waypoint"
    ).split()
) | {
    "nuplan.common.maps.maps_datatypes.TrafficLightStatusData",
    "nuplan.common.maps.maps_datatypes.TrafficLightStatusType",
    "nuplan.common.maps.maps_datatypes.TrafficLightStatuses",
    "nuplan.planning.simulation.observation.observation_type.DetectionsTracks",
    "nuplan.planning.simulation.trajectory.predicted_trajectory.PredictedTrajectory",
    "pathlib.PosixPath",  # `Scene.save_to_disk` stores the paths of images and clouds as it got them
    "shapely.io.from_wkb",  # an `OrientedBox` whose polygon was used keeps it
}
"""What synthetic scenes hold (motional/nuplan-devkit, autonomousvision/navsim:navsim/common/dataclasses.py)."""
