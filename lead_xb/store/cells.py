"""One cell of an Arrow column as numpy or plain Python, without copying where Arrow allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Shaped


@dataclass(frozen=True, slots=True)
class Masked:
    """Values that travel with their validity; what is not valid holds a fill value that means nothing.

    Attributes:
        value: (N, ...).
        valid: (N,).
    """

    value: Shaped[np.ndarray, "count *rest"]
    valid: Bool[np.ndarray, " count"]


def cell(array: pa.Array, row: int) -> Any:
    """Cell `row`: None, a Python scalar, or a numpy array; a list of structs stays an Arrow `StructArray`."""
    scalar = array[row]
    if not scalar.is_valid:
        return None
    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        return scalar.values.to_numpy(zero_copy_only=False)
    if pa.types.is_list(kind):
        return _list_cell(scalar.values, kind.value_type)
    return scalar.as_py()


def masked(array: pa.Array) -> Masked:
    """A whole array of numbers or of fixed-size lists as values and validity."""
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(array.type):
        values = np.zeros((len(array), array.type.list_size), array.type.value_type.to_pandas_dtype())
        values[valid] = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, array.type.list_size)
        return Masked(values, valid)
    filled = array.fill_null(False if pa.types.is_boolean(array.type) else 0) if array.null_count else array
    return Masked(filled.to_numpy(zero_copy_only=False), valid)


def _list_cell(values: pa.Array, kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        return values
    if pa.types.is_fixed_size_list(kind):
        return values.flatten().to_numpy(zero_copy_only=False).reshape(-1, kind.list_size)
    if pa.types.is_string(kind):
        return values.to_pylist()
    return values.to_numpy(zero_copy_only=False)
