"""A minimal GeoPackage writer: the same tables and columns as nuPlan's maps, and the same bytes at every run.

Made with sqlite3 and shapely alone; the spatial index and its triggers, which readers rebuild or ignore, are left
out. GeoPackage 1.2 encoding standard, tables 1 to 5 and the binary geometry header of clause 2.1.3.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely

APPLICATION_ID = 0x47504B47
USER_VERSION = 10400
LAST_CHANGE = "2021-05-26T00:00:00.000Z"
"""Instead of the time of writing, so that equal maps are equal files."""

Value = int | float | str | None

_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,'
    'AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]'
)

_SYSTEM_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
  srs_id INTEGER, CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_ogr_contents (table_name TEXT NOT NULL PRIMARY KEY, feature_count INTEGER DEFAULT NULL);
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """One table of features.

    Attributes:
        name: table name.
        geometry_type: POLYGON or LINESTRING, or None for a table without geometry.
        columns: name and SQL type of the columns after `fid` and `geom`.
        rows: (fid, geometry in longitude and latitude, values of the columns).
    """

    name: str
    geometry_type: str | None
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[tuple[int, shapely.Geometry | None, tuple[Value, ...]]]


def write_geopackage(path: Path, layers: Sequence[Layer]) -> None:
    """Write the layers to a new file at `path`; geometry is EPSG:4326 (longitude, latitude)."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {USER_VERSION}")
        connection.executescript(_SYSTEM_TABLES)
        connection.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?,?,?,?,?,?)", _reference_systems())
        for layer in layers:
            _write_layer(connection, layer)
        connection.commit()
    finally:
        connection.close()


def _reference_systems() -> list[tuple[str, int, str, int, str, str]]:
    return [
        ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian coordinate reference system"),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic coordinate reference system"),
        (
            "WGS 84 geodetic",
            4326,
            "EPSG",
            4326,
            _WGS84,
            "longitude/latitude coordinates in decimal degrees on the WGS 84 spheroid",
        ),
    ]


def _write_layer(connection: sqlite3.Connection, layer: Layer) -> None:
    geometry = [] if layer.geometry_type is None else [f'"geom" {layer.geometry_type}']
    columns = [f'"{name}" {kind}' for name, kind in layer.columns]
    definition = ", ".join(['"fid" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL', *geometry, *columns])
    connection.execute(f'CREATE TABLE "{layer.name}" ( {definition})')
    shapes = [shape for _, shape, _ in layer.rows if shape is not None]
    bounds = tuple(shapely.total_bounds(shapes).tolist()) if shapes else (None,) * 4
    kind, srs = ("attributes", 0) if layer.geometry_type is None else ("features", 4326)
    contents = (layer.name, kind, layer.name, "", LAST_CHANGE, *bounds, srs)
    connection.execute("INSERT INTO gpkg_contents VALUES (?,?,?,?,?,?,?,?,?,?)", contents)
    connection.execute("INSERT INTO gpkg_ogr_contents VALUES (?,?)", (layer.name, len(layer.rows)))
    if layer.geometry_type is not None:
        entry = (layer.name, "geom", layer.geometry_type, 4326, 0, 0)
        connection.execute("INSERT INTO gpkg_geometry_columns VALUES (?,?,?,?,?,?)", entry)
    width = 1 + len(geometry) + len(columns)
    rows = [(fid, *([] if shape is None else [geometry_blob(shape)]), *values) for fid, shape, values in layer.rows]
    connection.executemany(f'INSERT INTO "{layer.name}" VALUES ({",".join("?" * width)})', rows)


def geometry_blob(shape: shapely.Geometry) -> bytes:
    """GeoPackage binary: magic, version 0, little endian with an x-y envelope for areas and lines, then WKB."""
    x0, y0, x1, y1 = shape.bounds
    header = b"GP" + bytes([0, 0b0000_0011]) + struct.pack("<i4d", 4326, x0, x1, y0, y1)
    return header + shapely.to_wkb(shape, byte_order=1)
