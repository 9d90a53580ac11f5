"""Does an Arrow schema or batch follow the canonical schema? One check for the writer and for every open."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from lead_xb.schemas.boxes import BOX_FIELDS, box_type
from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.expert import PREFERENCE_FIELDS
from lead_xb.schemas.frame import SENSOR_POSE_FIELDS
from lead_xb.schemas.plan import PROPOSAL_FIELDS
from lead_xb.schemas.scene import FIXED_COLUMNS, SceneMeta, sensor_columns
from lead_xb.schemas.traffic_lights import LIGHT_FIELDS
from lead_xb.schemas.versions import is_older

_REQUIRED_FIELDS = {
    "boxes": tuple(column.name for column in BOX_FIELDS if not column.nullable),
    "traffic_lights": tuple(column.name for column in LIGHT_FIELDS if not column.nullable),
    "preferences.rated": tuple(column.name for column in PREFERENCE_FIELDS if not column.nullable),
    "plan.proposals": tuple(column.name for column in PROPOSAL_FIELDS if not column.nullable),
    "frame.sensor_poses": tuple(column.name for column in SENSOR_POSE_FIELDS if not column.nullable),
}
_FIXED = {column.name: column for column in FIXED_COLUMNS}


def validate_schema(schema: pa.Schema, meta: SceneMeta, where: str) -> None:
    """Every column that we know has its type, every required one is there; unknown ones belong to a later minor."""
    present = {field.name: field for field in schema}
    if len(present) != len(schema):
        raise SchemaError(f"{where}: a column name occurs twice; the file is damaged")
    for name, kind in expected_types(meta).items():
        if name not in present:
            if is_older(meta.version) and name in _FIXED and _FIXED[name].nullable:
                continue  # a later minor added it: the scene has no values for it
            raise SchemaError(f"{where}: column {name!r} is missing; the file is damaged, convert the scene again")
        if present[name].type != kind:
            raise SchemaError(f"{where}: column {name!r} has type {present[name].type}, expected {kind}")


def expected_types(meta: SceneMeta) -> dict[str, pa.DataType]:
    """Column -> type, for the columns that this version knows."""
    fixed = {name: column.type for name, column in _FIXED.items()}
    return {**fixed, "boxes": pa.list_(box_type(meta.box_fields)), **sensor_columns(meta.rig)}


def validate_batch(batch: pa.RecordBatch, where: str) -> None:
    """Arrow's own full validation, then null rules; a batch that passes can be read without a crash."""
    try:
        batch.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowIndexError) as error:
        raise SchemaError(f"{where}: Arrow data is damaged ({error}); convert the scene again") from error
    for column in FIXED_COLUMNS:
        if not column.nullable and column.name in batch.schema.names and batch.column(column.name).null_count:
            raise SchemaError(f"{where}: column {column.name!r} has nulls but must not")
    for name, required in _REQUIRED_FIELDS.items():
        if name not in batch.schema.names:
            continue
        elements = batch.column(name).flatten()
        for field in required:
            if elements.field(field).null_count:
                raise SchemaError(f"{where}: an element of {name!r} has no {field!r}")


def validate_tokens(tokens: pa.ChunkedArray, where: str) -> None:
    """Tokens are unique within a scene (and, through the index, within a store)."""
    if len(pc.unique(tokens)) != len(tokens):
        counts = pc.value_counts(tokens).to_pylist()
        twice = next(item["values"] for item in counts if item["counts"] > 1)
        raise SchemaError(f"{where}: token {twice!r} occurs more than once")
