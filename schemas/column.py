"""What a column is: name, Arrow type, unit, frame and the sources that fill it. The schema page is printed from it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

VEC2 = pa.list_(pa.float64(), 2)
VEC3 = pa.list_(pa.float64(), 3)
QUATERNION = pa.list_(pa.float64(), 4)
POSE = pa.list_(pa.float64(), 7)
TIME_US = pa.int64()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a scene row, of a struct inside it, of a map or of the index.

    Attributes:
        name: full dotted name (`ego.pose`) or the field name inside a struct.
        type: Arrow type.
        doc: one line of meaning.
        unit: SI unit, empty where there is none.
        frame: coordinate frame, empty where there is none.
        sources: adapters that fill it.
        nullable: False where every row has a value.
    """

    name: str
    type: pa.DataType
    doc: str
    unit: str = ""
    frame: str = ""
    sources: tuple[str, ...] = ()
    nullable: bool = True

    @property
    def field(self) -> pa.Field:
        """The Arrow field."""
        return pa.field(self.name, self.type, nullable=self.nullable)


def struct_of(columns: tuple[Column, ...]) -> pa.StructType:
    """The Arrow struct whose fields are the given columns.

    Arrow cannot build a null struct with non-nullable children, so `validation` checks required fields instead.
    """
    return pa.struct([pa.field(column.name, column.type) for column in columns])
