"""docs/schema.md, printed from the definitions: `python -m lead_xb.schemas.page > docs/schema.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import IntEnum

import pyarrow as pa

from lead_xb.schemas.boxes import BOX_FIELDS, Category
from lead_xb.schemas.column import Column
from lead_xb.schemas.expert import PREFERENCE_FIELDS
from lead_xb.schemas.frame import SENSOR_POSE_FIELDS
from lead_xb.schemas.index import INDEX_COLUMNS
from lead_xb.schemas.map import MAP_COLUMNS, Layer
from lead_xb.schemas.navigation import Command
from lead_xb.schemas.plan import PROPOSAL_FIELDS
from lead_xb.schemas.scene import FIXED_COLUMNS, ROWS_PER_BATCH
from lead_xb.schemas.sensors import PAYLOAD_FIELDS, POINT_FIELDS, REFERENCE_FIELDS, SENSOR_DOCS
from lead_xb.schemas.traffic_lights import LIGHT_FIELDS, LightState
from lead_xb.schemas.versions import CURRENT

INTRODUCTION = f"""# The canonical scene, schema {CURRENT}

Printed from `schemas/` by `python -m lead_xb.schemas.page > docs/schema.md`; a test keeps it current.

One scene is one Arrow IPC file with record batches of at most {ROWS_PER_BATCH} rows. Any Arrow program reads it;
`lead_xb.open(root)` adds lazy decoding, maps and integrity checks. Frames are ISO 8855 (x forward, y left, z up), the
ego origin is the centre of the rear axle on the ground, units are SI, quaternions are w, x, y, z. A missing value is an
Arrow null. "Sources" names the adapters that fill a column; a column without one waits for a later adapter.
"""


def schema_page() -> str:
    """The page as Markdown."""
    parts = [
        INTRODUCTION,
        _section("Rows of a scene", FIXED_COLUMNS),
        _section("Elements of `boxes`", BOX_FIELDS),
        _section("Elements of `traffic_lights`", LIGHT_FIELDS),
        _section("Elements of `preferences.rated`", PREFERENCE_FIELDS),
        _section("Elements of `plan.proposals`", PROPOSAL_FIELDS),
        _section("Elements of `frame.sensor_poses`", SENSOR_POSE_FIELDS),
        _section("Sensor columns, named by the rig", SENSOR_DOCS),
        _section("Cells of `image.*`, `semantic.*`, `depth.*`, `bev_map.*`", PAYLOAD_FIELDS),
        _section("Cells of `lidar.*`, `radar.*`", POINT_FIELDS),
        _section("References to native files", REFERENCE_FIELDS),
        _section("Elements of a map", MAP_COLUMNS),
        _section("Index", INDEX_COLUMNS),
        "## Codes\n",
        *(_codes(kind) for kind in (Category, Command, LightState)),
        f"`Layer`: {', '.join(layer.value for layer in Layer)}.\n",
    ]
    return "\n".join(parts)


def _section(title: str, columns: Iterable[Column]) -> str:
    lines = [f"## {title}\n", "| column | type | unit | frame | sources | meaning |", "|---|---|---|---|---|---|"]
    for column in columns:
        name = f"`{column.name}`" + ("" if column.nullable else " (required)")
        cells = (name, _type(column.type), column.unit, column.frame, ", ".join(column.sources), column.doc)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _type(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        return "struct"
    if pa.types.is_fixed_size_list(kind):
        return f"{_type(kind.value_type)}[{kind.list_size}]"
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    return {"double": "float64", "bool": "bool"}.get(str(kind), str(kind))


def _codes(kind: type[IntEnum]) -> str:
    return f"`{kind.__name__}`: {', '.join(f'{code.value} {code.name}' for code in kind)}.\n"


if __name__ == "__main__":
    sys.stdout.write(schema_page())
