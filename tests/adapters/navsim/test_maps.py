"""Which maps are converted, what their rows say, and damaged maps. Reads the recorded toy city."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lead_xb.adapters.navsim.maps import VERSIONS_FILE, MapTask, location_of, map_tasks
from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.map import Layer
from lead_xb.store.map_file import open_map
from lead_xb.store.maps import Map
from lead_xb.store.tasks import Task

MAPS = Path(__file__).parents[2] / "golden" / "navsim" / "native" / "maps"
CITY = "us-ma-boston"
STUBS = ("las_vegas", "us-pa-pittsburgh-hazelwood", "sg-one-north")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Map:
    path = tmp_path_factory.mktemp("maps") / "city.arrow"
    map_tasks(MAPS, [CITY])[0].write(path)
    return open_map(path)


@contextmanager
def changed(tmp_path: Path) -> Iterator[tuple[MapTask, sqlite3.Connection]]:
    """A copy of the city whose GeoPackage can be changed, without the triggers that need GDAL."""
    path = tmp_path / "map.gpkg"
    path.write_bytes(map_tasks(MAPS, [CITY])[0].path.read_bytes())
    connection = sqlite3.connect(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    yield MapTask(path=path, location=CITY, map_version="1", native_bytes=1), connection
    connection.close()


def test_only_the_cities_asked_for_are_read(tmp_path: Path) -> None:
    shutil.copy(MAPS / VERSIONS_FILE, tmp_path / VERSIONS_FILE)
    shutil.copytree(MAPS / CITY, tmp_path / CITY)
    assert [task.location for task in map_tasks(tmp_path, [CITY, CITY])] == [CITY]
    with pytest.raises(DataError, match=r"the map of sg-one-north .* is missing; give maps="):
        map_tasks(tmp_path, [CITY, "sg-one-north"])


def test_a_task_says_what_it_reads_and_writes(tmp_path: Path) -> None:
    task: Task = map_tasks(MAPS, [CITY])[0]
    version = json.loads((MAPS / VERSIONS_FILE).read_text())[CITY]["version"]
    assert (task.kind, task.id) == ("map", f"navsim-{CITY}-{version}")
    assert task.native_bytes == (MAPS / CITY / version / "map.gpkg").stat().st_size
    written = pickle.loads(pickle.dumps(task)).write(tmp_path / "map.arrow")
    assert written.id == task.id and 0 < written.bytes <= task.stored_bytes


def test_the_log_name_of_las_vegas_is_its_folder() -> None:
    assert location_of("las_vegas") == "us-nv-las-vegas-strip"
    assert [t.location for t in map_tasks(MAPS, ["las_vegas", "us-nv-las-vegas-strip"])] == ["us-nv-las-vegas-strip"]


def test_a_folder_that_is_no_maps_root_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nuplan-maps-v1\.0\.json: cannot be read .*; give maps=NUPLAN_MAPS_ROOT"):
        map_tasks(tmp_path, [CITY])
    with pytest.raises(LeadXbError, match="no map of 'atlantis', only of"):
        map_tasks(MAPS, ["atlantis"])


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {}}', '{"a": {"version": 1}}', "[" * 100_000, "\xff"])
def test_a_damaged_list_of_versions_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / VERSIONS_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=VERSIONS_FILE):
        map_tasks(tmp_path, ["a"])


@pytest.mark.parametrize("name", ["../..", "/etc", "", ".", "a/b"])
def test_a_version_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / VERSIONS_FILE).write_text(json.dumps({"a": {"version": name}}))
    with pytest.raises(DataError, match="no folder name"):
        map_tasks(tmp_path, ["a"])


def test_the_same_map_gives_the_same_bytes(tmp_path: Path) -> None:
    (task,) = map_tasks(MAPS, [CITY])
    assert task.write(tmp_path / "a.arrow") == task.write(tmp_path / "b.arrow")


def test_every_lane_and_connector_has_its_parts(city: Map) -> None:
    for lane in city.elements(Layer.LANE):
        full = city.lane(lane.id)
        assert full.polygon.contains(full.geometry.representative_point())
        assert len(full.centerline) >= 2 and full.left_boundary is not None and full.right_boundary is not None
        assert full.road_block is not None and full in full.road_block.lanes
    for connector in city.elements(Layer.LANE_CONNECTOR):
        full = city.lane(connector.id, connector=True)
        assert full.polygon.intersects(full.geometry) and full.left_boundary is not None
        assert connector in full.incoming[0].outgoing and connector in full.outgoing[0].incoming
        np.testing.assert_allclose(full.centerline[0], full.incoming[0].centerline[-1], atol=0.1)


def test_lane_index_zero_is_the_left_most_lane(city: Map) -> None:
    for block in city.elements(Layer.ROAD_BLOCK):
        lanes = city.road_block(block.id).lanes
        for left, right in pairwise(lanes):
            (dx, dy), side = left.centerline[1] - left.centerline[0], right.centerline[0] - left.centerline[0]
            assert (left.lane_index, right.lane_index) in [(0, 1), (1, 2)] and dx * side[1] - dy * side[0] < 0


def test_road_blocks_lead_to_the_blocks_of_their_lanes(city: Map) -> None:
    for connector in city.elements(Layer.ROAD_BLOCK_CONNECTOR):
        block = city.road_block(connector.id, connector=True)
        before, after = (
            {lane.incoming[0].road_block for lane in block.lanes},
            {lane.outgoing[0].road_block for lane in block.lanes},
        )
        assert before <= set(block.incoming) and after <= set(block.outgoing)
        assert block in block.incoming[0].outgoing and block in block.outgoing[0].incoming


@pytest.mark.parametrize("name", STUBS)
def test_a_stub_city_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (task,) = map_tasks(MAPS, [name])
    with pytest.raises(DataError, match="table 'lane_connectors'"):
        task.write(tmp_path / "map.arrow")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "UPDATE lanes_polygons SET lane_group_fid = 'x' WHERE fid = 20003",
            "row 2 \\(id 20003\\): column 'lane_group_fid'",
        ),
        ("UPDATE baseline_paths SET lane_connector_fid = 1", "'baseline_paths' row 0 .*both set"),
        ("ALTER TABLE lanes_polygons DROP COLUMN lane_index", "'lanes_polygons' has no columns \\['lane_index'\\]"),
        (
            "UPDATE boundaries SET geom = (SELECT geom FROM walkways)",
            "'boundaries' row 0 .*a Polygon, expected a LineS",
        ),
    ],
)
def test_a_damaged_value_names_table_and_row(tmp_path: Path, statement: str, reason: str) -> None:
    with changed(tmp_path) as (task, connection):
        connection.execute(statement)
        connection.commit()
        with pytest.raises(DataError, match=reason):
            task.write(tmp_path / "map.arrow")


def test_a_layer_that_we_do_not_know_is_kept(tmp_path: Path) -> None:
    with changed(tmp_path) as (task, connection):
        connection.execute("ALTER TABLE walkways RENAME TO dubins_nodes")
        for table in ("gpkg_contents", "gpkg_geometry_columns"):
            connection.execute(f"UPDATE {table} SET table_name = 'dubins_nodes' WHERE table_name = 'walkways'")
        connection.commit()
        task.write(tmp_path / "map.arrow")
    (element,) = open_map(tmp_path / "map.arrow").elements(Layer.OTHER)
    assert (element.native_layer, element.native, element.geometry.area > 0) == ("dubins_nodes", {}, True)


def test_damaged_files_are_refused_or_read_but_never_crash(tmp_path: Path) -> None:
    with changed(tmp_path) as (task, connection):
        _shrink(connection)
    good = np.frombuffer(task.path.read_bytes(), np.uint8)
    task.write(tmp_path / "map.arrow")
    rng = np.random.default_rng(7)
    refused = 0
    for round in range(300):
        task.path.write_bytes(_damaged(good, round, rng).tobytes())
        try:
            task.write(tmp_path / "map.arrow")
            _ = [element for layer in Layer for element in open_map(tmp_path / "map.arrow").elements(layer)]
        except LeadXbError:
            refused += 1
    assert 100 < refused < 300


def _shrink(connection: sqlite3.Connection) -> None:
    """Two rows in each of four layers on small pages, so that damage hits something that matters."""
    kept = ("lanes_polygons", "lane_connectors", "baseline_paths", "crosswalks")
    for (name,) in connection.execute("SELECT table_name FROM gpkg_geometry_columns").fetchall():
        connection.execute(f'DROP TABLE "rtree_{name}_geom"')
        if name in kept:
            connection.execute(f'DELETE FROM "{name}" WHERE _rowid_ > (SELECT min(_rowid_) + 1 FROM "{name}")')
        else:
            connection.execute(f'DROP TABLE "{name}"')
            connection.execute("DELETE FROM gpkg_contents WHERE table_name = ?", (name,))
    connection.commit()
    connection.execute("PRAGMA page_size = 1024")
    connection.execute("VACUUM")


def _damaged(good: np.ndarray, round: int, rng: np.random.Generator) -> np.ndarray:
    """Bit flips, random bytes, zeroed stretches, exchanged pages, truncation in turn."""
    bad = good.copy()
    start, other = rng.integers(len(good), size=2)
    match round % 5:
        case 0:
            bad[rng.integers(len(good), size=8)] ^= np.uint8(1 << rng.integers(8))
        case 1:
            bad[start : start + 16] = rng.integers(256, size=len(bad[start : start + 16]))
        case 2:
            bad[start : start + 512] = 0
        case 3:
            page, source = start // 1024 * 1024, other // 1024 * 1024
            bad[page : page + 1024] = good[source : source + 1024]
        case _:
            bad = bad[:start]
    return bad
