"""The index: what it says of rows, how it is filtered, and that a damaged one is never read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.index import INDEX_SCHEMA
from lead_xb.store.index import NAME, index_rows, read_index, read_index_strictly, write_index
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.writer import write_rows

from . import tiny


def write(path: Path, rows: list[dict[str, Any]], **meta: Any) -> Scene:
    """A scene of these rows."""
    write_rows(path, tiny.meta(**meta), [(row, None) for row in rows])
    return open_scene(path)


def index_of(scene: Scene) -> pa.Table:
    """Index rows in no split."""
    return index_rows(scene, [[] for _ in range(len(scene))])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    rows = [tiny.row(number) for number in range(3)]
    del rows[1]["image.strip"], rows[1]["boxes"], rows[2]["ego.acceleration"]
    return write(tmp_path / "tiny.arrow", rows, map_id="carla-Town01-1", scenario="ParkedObstacle")


def test_an_index_row_repeats_what_filters_ask_for(scene: Scene) -> None:
    rows = index_rows(scene, [["test"], [], ["test", "mini"]]).to_pylist()
    first = rows[0]
    assert [row["row"] for row in rows] == [0, 1, 2]
    assert [row["split"] for row in rows] == [["test"], [], ["mini", "test"]]
    assert (first["scene"], first["token"], first["source"]) == ("tiny", "tiny0", "carla")
    assert (first["map"], first["location"], first["scenario"]) == ("carla-Town01-1", "Town01", "ParkedObstacle")
    assert (first["command"], first["speed_mps"], first["acceleration_mps2"]) == (4, 4.0, 5.0)
    assert (first["is_key"], first["timestamp_us"], rows[2]["timestamp_us"]) == (True, 0, 500_000)


def test_what_a_row_lacks_is_null_or_false(scene: Scene) -> None:
    rows = index_of(scene).to_pylist()
    assert [row["has_image"] for row in rows] == [True, False, True]
    assert [row["has_boxes"] for row in rows] == [True, False, True]
    assert not any(row["has_radar"] or row["has_traffic_lights"] for row in rows)
    assert [row["acceleration_mps2"] for row in rows] == [5.0, 5.0, None]
    assert [row["weather"] for row in rows] == [None] * 3


def test_known_seconds_reach_to_the_ends_of_the_scene(scene: Scene) -> None:
    index = index_of(scene)
    assert index["past_s"].to_pylist() == [0.0, 0.25, 0.5]
    assert index["future_s"].to_pylist() == [0.5, 0.25, 0.0]


def test_known_seconds_reach_as_far_as_the_tracks_of_the_row(tmp_path: Path) -> None:
    track = {"first_us": 0, "step_us": 50_000, "position": np.zeros((41, 2))}
    rows = [tiny.row(0), {**tiny.row(1), **{f"ego_future.{key}": value for key, value in track.items()}}]
    assert index_of(write(tmp_path / "a.arrow", rows))["future_s"].to_pylist() == [0.25, 2.0]


def test_rows_without_ego_know_no_seconds(tmp_path: Path) -> None:
    rows = [tiny.row(0), tiny.row(1), {**tiny.row(2), "ego.pose": None}]
    index = index_of(write(tmp_path / "a.arrow", rows))
    assert index["future_s"].to_pylist() == [0.25, 0.0, None]


def test_splits_are_given_for_every_row(scene: Scene) -> None:
    with pytest.raises(LeadXbError, match="scene tiny: 2 split lists for 3 rows"):
        index_rows(scene, [[], []])


def test_the_index_is_sorted_and_does_not_tell_in_which_order_scenes_came(tmp_path: Path) -> None:
    tables = [index_of(write(tmp_path / f"{n}.arrow", [tiny.row(0, n), tiny.row(1, n)], scene_id=n)) for n in "cab"]
    first = write_index(tmp_path, pa.concat_tables(tables))
    data = (tmp_path / NAME).read_bytes()
    assert write_index(tmp_path, pa.concat_tables(tables[::-1])) == first
    assert (tmp_path / NAME).read_bytes() == data
    assert read_index_strictly(tmp_path)["token"].to_pylist() == ["a0", "a1", "b0", "b1", "c0", "c1"]


def test_an_index_without_scenes_can_be_read(tmp_path: Path) -> None:
    crc32c = write_index(tmp_path, INDEX_SCHEMA.empty_table())
    assert read_index(tmp_path, crc32c=crc32c).collect().schema.names() == INDEX_SCHEMA.names


def test_a_token_of_two_scenes_is_refused(tmp_path: Path) -> None:
    tables = [index_of(write(tmp_path / f"{n}.arrow", [tiny.row(0)], scene_id=n)) for n in "ab"]
    with pytest.raises(LeadXbError, match=r"token 'tiny0' occurs in \['a', 'b'\]"):
        write_index(tmp_path, pa.concat_tables(tables))
    assert not (tmp_path / NAME).exists()


def test_filters_are_polars_expressions_or_sql(scene: Scene, tmp_path: Path) -> None:
    crc32c = write_index(tmp_path, index_of(scene))
    index = read_index(tmp_path, crc32c=crc32c)
    assert index.filter(pl.col("future_s") > 0.2).select("token").collect().to_series().to_list() == ["tiny0", "tiny1"]
    assert index.sql("select row from self where has_image and past_s > 0").collect().to_series().to_list() == [2]


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"not parquet at all"])
def test_what_is_no_index_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / NAME).write_bytes(damage)
    with pytest.raises(DataError, match=r"the manifest says 00000000|not a readable index"):
        read_index(tmp_path, crc32c="00000000")
    with pytest.raises(DataError, match=r"damaged .*; restore it, or delete it and convert again to rebuild it"):
        read_index_strictly(tmp_path)


def test_a_missing_index_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}/{NAME}: cannot be read"):
        read_index(tmp_path, crc32c="00000000")


def test_a_table_of_other_columns_is_no_index(tmp_path: Path) -> None:
    pq.write_table(pa.table({"scene": ["a"]}), tmp_path / NAME)
    with pytest.raises(DataError, match=r"has the columns \['scene'\]"):
        read_index_strictly(tmp_path)


def test_a_flipped_byte_in_any_page_is_found(scene: Scene, tmp_path: Path) -> None:
    write_index(tmp_path, index_of(scene))
    data = (tmp_path / NAME).read_bytes()
    whole = read_index_strictly(tmp_path)
    refused = 0
    for position in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        (tmp_path / NAME).write_bytes(damaged)
        try:
            assert read_index_strictly(tmp_path).equals(whole)
        except DataError:
            refused += 1
    assert refused > 100
