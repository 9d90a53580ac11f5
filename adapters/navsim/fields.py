"""Checked access to the dictionaries of NAVSIM pickles: every error names file, place, key, given and expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from lead_xb.schemas.errors import DataError
from lead_xb.store.standins import Standin

ADVICE = "get the file again from its publisher"
TOLERANCE = 1e-3
"""How far a rotation may be from orthonormal, a quaternion from unit length."""


@dataclass(frozen=True, slots=True)
class Fields:
    """One native dictionary.

    Attributes:
        path: the pickle.
        place: where in it, for errors: `frame 3`.
        values: the dictionary, unchanged.
    """

    path: str
    place: str
    values: dict[Any, Any]

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def error(self, key: str, expected: str) -> DataError:
        """The error for a key whose value is not what was expected."""
        given = describe(self.values[key]) if key in self.values else "missing"
        return DataError(self.path, f"{self.place}: {key!r} is {given}, expected {expected}", advice=ADVICE)

    def text(self, key: str) -> str:
        """A text of at least one character."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, "text")
        return str(value)

    def file_path(self, key: str) -> str:
        """A relative path as text; NAVSIM's `Scene.save_to_disk` keeps some as pathlib objects."""
        value = self.values.get(key)
        if isinstance(value, Standin) and value.qualified_name.startswith("pathlib."):
            value = "/".join(str(part) for part in value.args)
        parts = value.split("/") if isinstance(value, str) else []
        if not value or not parts or ".." in parts or not parts[0] or not str(value).isprintable():
            raise self.error(key, "a path below the sensor root")
        return str(value)

    def integer(self, key: str) -> int:
        """An integer of 64 bits."""
        value = self.values.get(key)
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
            raise self.error(key, "an integer")
        return int(value)

    def numbers(self, key: str, *shape: int | None, finite: bool = True) -> Float64[np.ndarray, "..."]:
        """An array or list of numbers as float64; None in `shape` stands for any length, () for one number."""
        value = self.values.get(key)
        wanted = f"numbers of shape {shape}"
        if not isinstance(value, list | tuple | np.ndarray | float | int | np.number):
            raise self.error(key, wanted)
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise self.error(key, wanted) from error
        if array.dtype.kind not in "fiu" or not _fits(array, shape):
            raise self.error(key, wanted)
        numbers = array.astype(np.float64, copy=False)
        if finite and not np.isfinite(numbers).all():
            raise self.error(key, "finite numbers")
        return numbers.reshape([0 if size is None else size for size in shape]) if not array.size else numbers

    def rotation(self, key: str) -> Float64[np.ndarray, "3 3"]:
        """A rotation matrix, orthonormal and right-handed within `TOLERANCE`."""
        matrix = self.numbers(key, 3, 3)
        # An entry above 1 is asked for first: the product of large ones overflows.
        wrong = np.abs(matrix).max() > 1 + TOLERANCE or np.abs(matrix @ matrix.T - np.eye(3)).max() > TOLERANCE
        if wrong or np.linalg.det(matrix) < 0:
            raise self.error(key, "a rotation matrix")
        return matrix

    def quaternion(self, key: str) -> Float64[np.ndarray, "4"]:
        """A quaternion w, x, y, z of unit length within `TOLERANCE`."""
        quaternion = self.numbers(key, 4)
        if np.abs(quaternion).max() > 1 + TOLERANCE or abs(float(np.linalg.norm(quaternion)) - 1.0) > TOLERANCE:
            raise self.error(key, "a unit quaternion w, x, y, z")
        return quaternion

    def texts(self, key: str, count: int | None = None) -> list[str]:
        """A list or array of texts, of `count` elements where that is given."""
        value = self.values.get(key)
        items = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise self.error(key, "a list of texts")
        if count is not None and len(items) != count:
            raise self.error(key, f"{count} texts, one for each box")
        return [str(item) for item in items]

    def items(self, key: str) -> list[Any]:
        """A list."""
        value = self.values.get(key)
        if not isinstance(value, list):
            raise self.error(key, "a list")
        return value

    def fields(self, key: str) -> Fields:
        """A dictionary inside this one."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self.error(key, "a dictionary")
        return Fields(self.path, f"{self.place} {key!r}", value)

    def each(self, key: str, name: str) -> Iterator[Fields]:
        """The dictionaries of a list, called `name 0`, `name 1` ... in errors."""
        yield from numbered(self.items(key), self.path, name)


def numbered(items: list[Any], path: str, name: str) -> Iterator[Fields]:
    """The dictionaries of a list; DataError for an element that is none."""
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise DataError(path, f"{name} {index} is {describe(item)}, expected a dictionary", advice=ADVICE)
        yield Fields(path, f"{name} {index}", item)


def describe(value: Any) -> str:
    """A value in a few words: type, and shape or beginning."""
    if isinstance(value, np.ndarray):
        damage = " with NaN or inf" if value.dtype.kind == "f" and not np.isfinite(value).all() else ""
        return f"an array {value.dtype} of shape {value.shape}{damage}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{ascii(value)[:60]} ({type(value).__name__})"


def _fits(array: np.ndarray, shape: tuple[int | None, ...]) -> bool:
    if not array.size and None in shape:
        return array.shape[:1] == (0,)  # numpy forgets the columns of an empty list
    return len(array.shape) == len(shape) and all(
        want is None or want == size for want, size in zip(shape, array.shape, strict=True)
    )
