"""Map files: whole or not at all, the same bytes for the same rows, and safe to open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from lead_xb.schemas.errors import DataError, LeadXbError, SchemaError
from lead_xb.schemas.map import MAP_COLUMNS, Layer
from lead_xb.store.atomic import crc32c_of
from lead_xb.store.map_file import MapMeta, open_map, write_map
from lead_xb.store.writer import Row

META = MapMeta(map_id="navsim-town-1.0", source="navsim", location="town", map_version="1.0", crs="EPSG:32619")


def row_of(id: int, layer: Layer, native_row: int, geometry: shapely.Geometry, **cells: Any) -> Row:
    place = {"id": str(id), "layer": layer.value, "native_layer": f"{layer}s", "native_row": native_row}
    return {**place, "geometry": shapely.to_wkb(geometry), **cells}


ROWS = [
    row_of(7, Layer.LANE, 0, shapely.box(0, 0, 4, 2), speed_limit=13.4, lane_index=0, successors=["9"]),
    row_of(3, Layer.LANE, 1, shapely.box(0, 2, 4, 4), predecessors=[], extra=b"x"),
    row_of(7, Layer.CROSSWALK, 0, shapely.box(4, 0, 5, 4), subtype="1"),
]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = write_map(tmp_path / "map.arrow", META, ROWS)
    opened = open_map(tmp_path / "map.arrow", crc32c=written.crc32c)
    assert (written.id, written.rows, written.bytes) == (META.map_id, 3, (tmp_path / "map.arrow").stat().st_size)
    assert opened.meta.layers == {"lanes": 2, "crosswalks": 1}
    for layer, rows in ((Layer.LANE, ROWS[:2]), (Layer.CROSSWALK, ROWS[2:])):
        for column in MAP_COLUMNS:
            assert opened.layer(layer).column(column.name) == [row.get(column.name) for row in rows]


def test_the_file_is_plain_uncompressed_arrow_with_a_batch_per_native_layer(tmp_path: Path) -> None:
    write_map(tmp_path / "map.arrow", META, ROWS)
    reader = pa.ipc.open_file(pa.memory_map(str(tmp_path / "map.arrow")))
    allocated = pa.total_allocated_bytes()
    batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert pa.total_allocated_bytes() == allocated


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_map(tmp_path / "a.arrow", META, ROWS)
    second = write_map(tmp_path / "b.arrow", META, iter(ROWS))
    assert first == second
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no elements"),
        ([{**ROWS[0], "speed": 1.0}], "columns \\['speed'\\] are not in the schema"),
        ([{**ROWS[0], "lane_index": "left"}], "column 'lane_index' does not take"),
        ([ROWS[1]], "not one run of rows"),
        ([ROWS[0], ROWS[0]], "not one run of rows"),
        ([ROWS[0], ROWS[2], ROWS[1]], "not one run of rows|rows per native layer"),
        ([{**ROWS[0], "geometry": None}], "'geometry' has nulls"),
    ],
)
def test_rows_that_are_no_map_leave_no_file(tmp_path: Path, rows: list[Row], reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        write_map(tmp_path / "map.arrow", META, rows)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_foreign_file_are_data_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a readable Arrow file"):
        open_map(tmp_path / "none.arrow")
    (tmp_path / "text.arrow").write_text("a map, honestly")
    with pytest.raises(DataError, match="not a readable Arrow file"):
        open_map(tmp_path / "text.arrow")


def test_an_arrow_file_that_is_no_map_is_a_schema_error(tmp_path: Path) -> None:
    table = pa.table({"id": ["1"]})
    with pa.ipc.new_file(str(tmp_path / "other.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(SchemaError, match="not a lead_xb map"):
        open_map(tmp_path / "other.arrow")


def test_strict_open_compares_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    write_map(path, META, ROWS)
    open_map(path, crc32c=crc32c_of(path))
    with pytest.raises(DataError, match="the manifest says 00000000"):
        open_map(path, crc32c="00000000")


def test_bad_geometry_names_layer_and_id_when_it_is_used(tmp_path: Path) -> None:
    rows = [ROWS[0], {**ROWS[1], "geometry": b"no wkb"}, ROWS[2]]
    write_map(tmp_path / "map.arrow", META, rows)
    opened = open_map(tmp_path / "map.arrow")
    assert opened.element(Layer.CROSSWALK, "7").geometry.area == 4.0
    with pytest.raises(SchemaError, match="lane '3': not a geometry"):
        opened.elements(Layer.LANE)


def test_damage_never_crashes_and_strict_open_always_notices(tmp_path: Path) -> None:
    path, damaged = tmp_path / "map.arrow", tmp_path / "damaged.arrow"
    written = write_map(path, META, ROWS)
    good = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(1)
    noticed = 0
    for round in range(200):
        bad = good.copy() if round % 4 else good[: rng.integers(len(good))].copy()
        if round % 4:
            bad[rng.integers(len(bad), size=1 + round % 3)] ^= np.uint8(1 << rng.integers(8))
        damaged.write_bytes(bad.tobytes())
        with pytest.raises(LeadXbError):
            open_map(damaged, crc32c=written.crc32c)
        try:
            opened = open_map(damaged)
            _ = [element for layer in Layer for element in opened.elements(layer)]
        except LeadXbError:
            noticed += 1
    assert noticed > 100
