"""A map's metadata and the rules that its rows follow."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.map import (
    MAP_METADATA_KEY,
    Layer,
    MapMeta,
    map_id_of,
    map_meta,
    map_schema,
    validate_map,
    validate_map_schema,
)

META = MapMeta(
    map_id=map_id_of("navsim", "town", "1.0"),
    source="navsim",
    location="town",
    map_version="1.0",
    crs="EPSG:32619",
    native={"name": "town"},
    layers={"a": 2, "b": 1},
)
ROWS = [("1", "lane", "a", 0), ("2", "lane", "a", 1), ("1", "crosswalk", "b", 0)]


def table_of(rows: list[tuple[Any, ...]], meta: MapMeta = META) -> pa.Table:
    names = ("id", "layer", "native_layer", "native_row")
    cells = {name: [row[i] for row in rows] for i, name in enumerate(names)} | {"geometry": [b""] * len(rows)}
    schema = map_schema(meta)
    return pa.table(
        [pa.array(cells.get(field.name, [None] * len(rows)), field.type) for field in schema], schema=schema
    )


def test_metadata_survives_the_file_schema() -> None:
    assert map_meta(map_schema(META), "here") == META


def test_metadata_text_does_not_depend_on_the_order_of_layers() -> None:
    other = MapMeta(**{**vars(META), "layers": {"b": 1, "a": 2}})
    assert other.to_json() == META.to_json()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "2.0"}, "cannot be read by this lead_xb"),
        ({"version": "new"}, "not major.minor"),
        ({"version": 1}, "metadata is damaged"),
        ({"crs": 5}, "metadata is damaged"),
        ({"map_id": None}, "metadata is damaged"),
        ({"native": {"name": 1}}, "metadata is damaged"),
        ({"layers": {"a": "2"}}, "metadata is damaged"),
        ({"layers": [1]}, "metadata is damaged"),
    ],
)
def test_damaged_metadata_is_refused(change: dict[str, Any], reason: str) -> None:
    text = json.dumps({**json.loads(META.to_json()), **change})
    with pytest.raises(SchemaError, match=reason):
        MapMeta.from_json(text, "here")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000])
def test_metadata_that_is_no_map_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="here: the map's metadata is damaged"):
        MapMeta.from_json(text, "here")


def test_an_arrow_schema_of_something_else_is_refused() -> None:
    with pytest.raises(SchemaError, match="not a lead_xb map"):
        map_meta(pa.schema([]), "here")
    with pytest.raises(SchemaError, match="not UTF-8"):
        map_meta(pa.schema([], metadata={MAP_METADATA_KEY: b"\xff"}), "here")


def test_a_later_column_is_accepted_and_a_missing_one_is_not() -> None:
    schema = map_schema(META)
    validate_map_schema(schema.append(pa.field("later", pa.int8())), "here")
    with pytest.raises(SchemaError, match="'speed_limit' is missing"):
        validate_map_schema(schema.remove(schema.get_field_index("speed_limit")), "here")
    with pytest.raises(SchemaError, match="occurs twice"):
        validate_map_schema(schema.append(schema.field("id")), "here")
    with pytest.raises(SchemaError, match="'lane_index' has type int64, expected int32"):
        index = schema.get_field_index("lane_index")
        validate_map_schema(schema.set(index, pa.field("lane_index", pa.int64())), "here")


def test_rows_in_native_order_are_valid() -> None:
    validate_map(table_of(ROWS), META, "here")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([ROWS[1], ROWS[0], ROWS[2]], "'a' is not one run of rows 0, 1"),
        ([ROWS[0], ROWS[2], ROWS[1]], "'a' is not one run of rows 0, 1"),
        ([ROWS[0], ("1", "lane", "a", 1), ROWS[2]], "'a' is not one run of rows 0, 1, ... with distinct ids"),
        (ROWS[:2], "the metadata says"),
        ([*ROWS[:2], ("1", "moon", "b", 0)], "'layer' has the unknown values \\['moon'\\]"),
        ([*ROWS[:2], (None, "lane", "b", 0)], "'id' has nulls"),
    ],
)
def test_rows_that_break_a_rule_are_refused(rows: list[tuple[Any, ...]], reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        validate_map(table_of(rows), META, "here")


def test_text_that_is_no_utf8_is_refused() -> None:
    table = table_of(ROWS)
    bad = pa.array([b"\xff", b"\xfe", b"x"]).cast(pa.binary()).view(pa.string())
    with pytest.raises(SchemaError, match="Arrow data is damaged"):
        validate_map(table.set_column(0, table.schema.field(0), bad), META, "here")


def test_layer_names_are_stable() -> None:
    assert Layer("lane_connector_polygon") is Layer.LANE_CONNECTOR_POLYGON
