"""Boxes of one frame, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int8

from lead_xb.schemas.boxes import Category, box_type
from lead_xb.store.cells import Masked, cell, masked


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes in the ego frame of their row, in source order. `column` reaches every field of the schema."""

    table: pa.StructArray

    def __len__(self) -> int:
        return len(self.table)

    @property
    def center(self) -> Float64[np.ndarray, "count 3"]:
        """Geometric centres, m."""
        return self.column("center").value

    @property
    def size(self) -> Float64[np.ndarray, "count 3"]:
        """Full length, width, height, m."""
        return self.column("size").value

    @property
    def yaw(self) -> Float64[np.ndarray, " count"]:
        """Yaw, rad, counter-clockwise."""
        return self.column("yaw").value

    @property
    def category(self) -> Int8[np.ndarray, " count"]:
        """Codes of `Category`."""
        return self.column("category").value

    def column(self, name: str) -> Masked:
        """A numeric or boolean field with its validity."""
        if not self._has(name):
            return Masked(self._no_values(name), np.zeros(len(self), bool))
        return masked(self.table.field(name))

    def strings(self, name: str) -> list[str | None]:
        """A text field."""
        if not self._has(name):
            self._no_values(name)
            return [None] * len(self)
        values: list[str | None] = self.table.field(name).to_pylist()
        return values

    def track(self, name: str, index: int) -> np.ndarray | None:
        """A list field (`future_position`, `future_yaw`) of one box; None where the source has none."""
        if not self._has(name):
            self._no_values(name)
            return None
        return cell(self.table.field(name), index)

    def _has(self, name: str) -> bool:
        return bool(self.table.type.get_field_index(name) >= 0)

    @property
    def fields(self) -> list[str]:
        """Fields that the source of the scene can fill."""
        return [field.name for field in self.table.type]

    def _no_values(self, name: str) -> np.ndarray:
        """Fill values of a field that this scene leaves out; SchemaError for a name that is no field at all."""
        kind = box_type((*self.fields, name)).field(name).type
        if pa.types.is_fixed_size_list(kind):
            return np.zeros((len(self), kind.list_size))
        return np.zeros(len(self), kind.to_pandas_dtype() if pa.types.is_primitive(kind) else object)

    def where(self, *categories: Category) -> np.ndarray:
        """Indices of the boxes of these categories."""
        return np.flatnonzero(np.isin(self.category, [int(c) for c in categories]))
