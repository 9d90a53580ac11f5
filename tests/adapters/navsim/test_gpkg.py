"""GeoPackages read through sqlite3: what GDAL would yield, or a sentence that names table and row."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from lead_xb.adapters.navsim.gpkg import open_geopackage
from lead_xb.schemas.errors import DataError

LON, LAT = -71.06, 42.34
SQUARE = shapely.box(LON, LAT, LON + 0.001, LAT + 0.001)
SCHEMA = """
    CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
                                       organization_coordsys_id INTEGER);
    CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT);
    CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);
    CREATE TABLE meta (fid INTEGER PRIMARY KEY, key TEXT, value TEXT);
    CREATE TABLE walkways (fid INTEGER PRIMARY KEY, geom POLYGON, note TEXT, size REAL);
    CREATE TABLE empty (fid INTEGER PRIMARY KEY, geom POINT);
    INSERT INTO gpkg_spatial_ref_sys VALUES ('WGS 84', 4326, 'EPSG', 4326);
    INSERT INTO gpkg_contents VALUES ('walkways', 'features'), ('empty', 'features'), ('meta', 'attributes');
    INSERT INTO gpkg_geometry_columns VALUES ('empty', 'geom', 4326), ('walkways', 'geom', 4326);
    INSERT INTO meta VALUES (1, 'projectedCoordSystem', 'EPSG:32619'), (2, 'name', 'town');
"""


def cell(geometry: shapely.Geometry, *, srs_id: int = 4326) -> bytes:
    x0, y0, x1, y1 = geometry.bounds
    header = struct.pack("<2sBBi4d", b"GP", 0, 0b11, srs_id, x0, x1, y0, y1)
    return header + shapely.to_wkb(geometry, byte_order=1, flavor="iso")


Change = Callable[[sqlite3.Connection], object]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Write a small GeoPackage, changed by SQL statements or functions."""

    def write(*changes: str | Change) -> Path:
        path = tmp_path / "map.gpkg"
        with sqlite3.connect(path) as connection:
            connection.executescript(SCHEMA)
            rows = [(7, cell(SQUARE), "a", 1.5), (3, cell(SQUARE), None, None), (9, None, "c", 2.0)]
            connection.executemany("INSERT INTO walkways VALUES (?, ?, ?, ?)", rows)
            for change in changes:
                connection.execute(change) if isinstance(change, str) else change(connection)
        connection.close()
        return path

    return write


def test_rows_come_in_row_id_order_with_their_attributes(make: Callable[..., Path]) -> None:
    with open_geopackage(make()) as package:
        table = package.features("walkways")
        assert (package.layers, package.crs, package.meta["name"]) == (("walkways", "empty"), "EPSG:32619", "town")
    assert table.ids == [3, 7, 9]
    assert table.columns == {"note": [None, "a", "c"], "size": [None, 1.5, 2.0]}
    assert [geometry.is_empty for geometry in table.geometries] == [False, False, True]


def test_coordinates_are_metres_east_and_north(make: Callable[..., Path]) -> None:
    with open_geopackage(make()) as package:
        x0, y0, x1, y1 = package.features("walkways").geometries[0].bounds
        assert len(package.features("empty").geometries) == 0
    metres_per_degree = 111_320.0
    np.testing.assert_allclose(x1 - x0, 0.001 * metres_per_degree * np.cos(np.radians(LAT)), rtol=0.05)
    np.testing.assert_allclose(y1 - y0, 0.001 * metres_per_degree, rtol=0.05)
    assert 300_000 < x0 < 360_000 and 4_680_000 < y0 < 4_700_000


def test_nothing_is_written_beside_the_file(make: Callable[..., Path]) -> None:
    path = make()
    before = path.read_bytes()
    with open_geopackage(path) as package:
        package.features("walkways")
        assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_file_with_unfinished_changes_is_refused(make: Callable[..., Path], suffix: str) -> None:
    path = make()
    path.with_name(path.name + suffix).write_bytes(b"changes")
    with pytest.raises(DataError, match=f"map.gpkg{suffix} holds changes"), open_geopackage(path):
        pass


def set_geometry(content: object) -> Change:
    return lambda connection: connection.execute("UPDATE walkways SET geom = ? WHERE fid = 7", (content,))


BROKEN: list[tuple[str, str | Change, str]] = [
    ("no meta", "DROP TABLE meta", "no plain table 'meta'"),
    ("no contents", "DROP TABLE gpkg_contents", "no plain table 'gpkg_contents'"),
    ("no features", "DELETE FROM gpkg_contents WHERE data_type = 'features'", "lists the feature tables \\[\\]"),
    (
        "not described",
        "DELETE FROM gpkg_geometry_columns",
        "does not describe the feature tables \\['walkways', 'empty",
    ),
    ("no table", "DROP TABLE walkways", "no plain table 'walkways'"),
    ("no geometry", "ALTER TABLE walkways RENAME geom TO shape", "'walkways' has no geometry column 'geom'"),
    ("no column", "ALTER TABLE meta RENAME value TO other", "'meta' has no columns \\['value'\\]"),
    ("meta is a number", "UPDATE meta SET value = x'00' WHERE fid = 2", "'meta' row 1"),
    ("no crs", "DELETE FROM meta WHERE fid = 1", "no key 'projectedCoordSystem'"),
    ("crs is a pipeline", "UPDATE meta SET value = '+proj=utm' WHERE fid = 1", "expected an authority code"),
    ("crs is unknown", "UPDATE meta SET value = 'EPSG:1' WHERE fid = 1", "not known to PROJ"),
    ("crs in degrees", "UPDATE meta SET value = 'EPSG:4326' WHERE fid = 1", "not a projection in metres"),
    ("srs unknown", "DELETE FROM gpkg_spatial_ref_sys", "0 rows of srs_id 4326"),
    ("srs is NULL", "UPDATE gpkg_spatial_ref_sys SET organization = NULL", "'None:4326'|not known to PROJ"),
    ("srs is text", "UPDATE gpkg_geometry_columns SET srs_id = 'x'", "does not describe"),
    ("geometry is text", set_geometry("POLYGON"), "'walkways' row 1 \\(id 7\\): expected a geometry"),
    ("other srs", set_geometry(cell(SQUARE, srs_id=32619)), "row 1 \\(id 7\\): srs_id 32619"),
    ("cut geometry", set_geometry(cell(SQUARE)[:-4]), "row 1 \\(id 7\\): GEOS cannot read it"),
    ("far away", set_geometry(cell(shapely.Point(LON, 95.0))), "row 1 \\(id 7\\): coordinates outside of EPSG:32619"),
    ("bad text", "UPDATE walkways SET note = CAST(x'ff' AS TEXT)", "'walkways' cannot be read .*UTF-8"),
]


@pytest.mark.parametrize(("change", "reason"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_damage_names_the_place(make: Callable[..., Path], change: str | Change, reason: str) -> None:
    with pytest.raises(DataError, match=reason), open_geopackage(make(change)) as package:
        package.features("walkways")


def test_a_view_that_never_ends_is_not_read(make: Callable[..., Path]) -> None:
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid, i AS geom FROM n"
    path = make("DROP TABLE walkways", f"CREATE VIEW walkways AS {forever}")
    with pytest.raises(DataError, match="no plain table 'walkways'"), open_geopackage(path) as package:
        package.features("walkways")


def test_a_column_that_hides_the_row_ids_is_refused(make: Callable[..., Path]) -> None:
    path = make("ALTER TABLE walkways ADD COLUMN _rowid_ INTEGER")
    with pytest.raises(DataError, match="hides its row ids"), open_geopackage(path) as package:
        package.features("walkways")


def test_rows_out_of_order_are_a_damaged_tree(make: Callable[..., Path]) -> None:
    path = make()
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'walkways'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    pointers = (page - 1) * size + 8  # two bytes per row follow the header of a leaf page
    content[pointers : pointers + 4] = content[pointers + 2 : pointers + 4] + content[pointers : pointers + 2]
    path.write_bytes(content)
    with pytest.raises(DataError, match="'walkways' row 1: id 3 follows 7"), open_geopackage(path) as package:
        package.features("walkways")


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(500)])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "map.gpkg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"map\.gpkg"), open_geopackage(path):
        pass


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; download"), open_geopackage(tmp_path / "map.gpkg"):
        pass
