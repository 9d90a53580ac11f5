"""Rows to Arrow columns without a detour through Python objects for the large ones.

A cell may be None, a scalar, bytes, a numpy array, a dict of struct fields, or, for a list of structs, a
`StructCells`: one array or list per field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lead_xb.schemas.errors import SchemaError

StructCells = Mapping[str, Any]
"""The elements of one `list<struct>` cell, field by field: an array, masked array or list per field."""


def build_batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, *, where: str) -> pa.RecordBatch:
    """Rows -> one record batch; a column that a row leaves out is null.

    Raises:
        SchemaError: a cell does not fit its column; names the column and `where`.
    """
    arrays = []
    for field in schema:
        try:
            arrays.append(build_array([row.get(field.name) for row in rows], field.type))
        except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
            raise SchemaError(f"{where}: column {field.name!r} does not take its values: {error}") from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def build_array(cells: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """One Arrow array from one cell a row.

    Raises:
        ValueError, TypeError, pyarrow.ArrowInvalid: a cell does not fit `kind`.
    """
    if pa.types.is_struct(kind):
        return _struct_array(cells, kind)
    if pa.types.is_fixed_size_list(kind):
        return _fixed_list_array(cells, kind)
    if pa.types.is_list(kind):
        return _list_array(cells, kind)
    return pa.array(cells, kind, from_pandas=False)


def _struct_array(cells: Sequence[Any], kind: pa.StructType) -> pa.Array:
    mask = np.fromiter((cell is None for cell in cells), bool, len(cells))
    _refuse_unknown([cell for cell in cells if cell is not None], kind)
    children = [
        build_array([None if cell is None else cell.get(field.name) for cell in cells], field.type) for field in kind
    ]
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=pa.array(mask) if mask.any() else None)


def _fixed_list_array(cells: Sequence[Any], kind: pa.FixedSizeListType) -> pa.Array:
    size = kind.list_size
    values = np.zeros((len(cells), size), kind.value_type.to_pandas_dtype())
    mask = np.zeros(len(cells), bool)
    for row, cell in enumerate(cells):
        if cell is None:
            mask[row] = True
        else:
            values[row] = _exact(cell, (size,))
    return pa.FixedSizeListArray.from_arrays(
        pa.array(values.reshape(-1)), type=kind, mask=pa.array(mask) if mask.any() else None
    )


def _list_array(cells: Sequence[Any], kind: pa.ListType) -> pa.Array:
    counts = [0 if cell is None else _length(cell) for cell in cells]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    present = [cell for cell in cells if cell is not None]
    values = _list_values(present, kind.value_type)
    mask = np.fromiter((cell is None for cell in cells), bool, len(cells))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=kind, mask=pa.array(mask) if mask.any() else None)


def _list_values(present: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_struct(kind):
        return _struct_values(present, kind)
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        arrays = [_exact(cell, (len(cell), size)) for cell in present]
        flat = np.concatenate(arrays) if arrays else np.zeros((0, size))
        return pa.FixedSizeListArray.from_arrays(
            pa.array(flat.astype(kind.value_type.to_pandas_dtype(), copy=False).reshape(-1)), type=kind
        )
    if present and all(isinstance(cell, np.ndarray) for cell in present):
        return _primitive(np.ma.concatenate(list(present)), kind)
    return build_array([item for cell in present for item in cell], kind)


def _struct_values(present: Sequence[StructCells], kind: pa.StructType) -> pa.Array:
    _refuse_unknown(present, kind)
    total = sum(_length(cell) for cell in present)
    children = []
    for field in kind:
        parts = [cell.get(field.name) for cell in present]
        children.append(_field_values(parts, [_length(cell) for cell in present], field.type))
    if not children:
        return pa.nulls(total, kind)
    return pa.StructArray.from_arrays(children, fields=list(kind))


def _refuse_unknown(cells: Sequence[StructCells], kind: pa.StructType) -> None:
    known = {field.name for field in kind}
    for cell in cells:
        if not known.issuperset(cell):
            raise ValueError(f"fields {sorted(set(cell) - known)} are not in the struct {sorted(known)}")


def _field_values(parts: Sequence[Any], lengths: Sequence[int], kind: pa.DataType) -> pa.Array:
    """All elements of one struct field over several cells; a cell without the field counts as nulls."""
    chunks = [
        pa.nulls(length, kind) if part is None else _column(part, kind)
        for part, length in zip(parts, lengths, strict=True)
    ]
    return pa.concat_arrays(chunks) if chunks else pa.nulls(0, kind)


def _column(part: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(part, np.ndarray) and pa.types.is_fixed_size_list(kind) and not np.ma.isMaskedArray(part):
        values = np.ascontiguousarray(_exact(part, (len(part), kind.list_size)))
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=kind)
    if isinstance(part, np.ndarray) and part.ndim == 1:
        return _primitive(part, kind)
    return build_array(list(part), kind)


def _primitive(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    return pa.array(np.asarray(values), kind, mask=mask, from_pandas=False)


def _length(cell: Any) -> int:
    """Number of elements of a list cell; fields of a struct cell must agree."""
    if not isinstance(cell, Mapping):
        return len(cell)
    lengths = {name: len(part) for name, part in cell.items() if part is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"fields of one list cell differ in length: {lengths}")
    return next(iter(lengths.values()), 0)


def _exact(cell: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(cell)
    if array.size == 0 and len(shape) == 2 and shape[0] == 0:
        return array.reshape(shape)
    if array.shape != shape:
        raise ValueError(f"cell has shape {array.shape}, the column needs {shape}")
    return array
