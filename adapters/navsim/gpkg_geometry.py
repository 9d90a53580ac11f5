"""Geometry cells of a GeoPackage: header, envelope and WKB; reprojection (OGC 12-128r18, clause 2.1.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import shapely
from jaxtyping import Float64, Shaped

from lead_xb.store.wkb import GeometryError, parse_wkb, require_plausible

_NO_GEOMETRY = shapely.Polygon()
_MAGIC = b"GP"
_ENVELOPE_DOUBLES = (0, 4, 6, 6, 8)
"""Envelope code -> number of doubles; the first four are always min x, max x, min y, max y."""
_EXTENDED = 0b10_0000
_TOLERANCE = 1e-6
"""Degrees or metres between an envelope and its coordinates; GDAL writes them equal, more is damage."""


def decode_geometries(cells: Sequence[Any], srs_id: int) -> Shaped[np.ndarray, " rows"]:
    """Cells of a geometry column -> shapely geometries in the system of the file; NULL gives an empty polygon.

    Raises:
        GeometryError: not a GeoPackage geometry, another reference system than `srs_id`, coordinates that are not
            finite or do not agree with the envelope in the header.
    """
    rows = [row for row, cell in enumerate(cells) if cell is not None]
    headers = [_header(row, cells[row], srs_id) for row in rows]
    try:
        parsed = parse_wkb([cells[row][size:] for row, (size, _) in zip(rows, headers, strict=True)])
    except GeometryError as error:
        raise GeometryError(rows[error.row], error.reason) from error
    geometries = np.full(len(cells), _NO_GEOMETRY, object)
    geometries[rows] = parsed
    require_plausible(geometries, "coordinates that are not finite or far off")
    _require_envelopes(geometries, {row: envelope for row, (_, envelope) in zip(rows, headers, strict=True)})
    return geometries


def reproject(
    geometries: Shaped[np.ndarray, " rows"], source: pyproj.CRS, target: pyproj.CRS
) -> Shaped[np.ndarray, " rows"]:
    """Geometries in another reference system, x east and y north whatever the axis order of the systems; z stays.

    Raises:
        GeometryError: coordinates that the projection does not cover.
    """
    transformer = pyproj.Transformer.from_crs(source, target, always_xy=True)

    def project(points: Float64[np.ndarray, "points axes"]) -> Float64[np.ndarray, "points axes"]:
        x, y = transformer.transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y, points[:, 2:]])

    projected = geometries.copy()
    for has_z in (False, True):
        if (mask := shapely.has_z(geometries) == has_z).any():
            projected[mask] = shapely.transform(geometries[mask], project, include_z=has_z)
    require_plausible(projected, f"coordinates outside of {target.to_string()}")
    return projected


def _header(row: int, cell: Any, srs_id: int) -> tuple[int, tuple[float, ...]]:
    """Size of the header and its envelope (min x, max x, min y, max y; empty if there is none)."""
    if not isinstance(cell, bytes) or len(cell) < 8 or cell[:3] != _MAGIC + b"\0":
        raise GeometryError(row, f"expected a geometry of GeoPackage version 1, found {cell!r:.40}")
    flags = cell[3]
    order = "<" if flags & 1 else ">"
    code = flags >> 1 & 0b111
    if flags & _EXTENDED or code >= len(_ENVELOPE_DOUBLES):
        raise GeometryError(row, f"geometry flags {flags:#04x}: an extension or an unknown envelope")
    size = 8 + 8 * _ENVELOPE_DOUBLES[code]
    if len(cell) < size:
        raise GeometryError(row, f"a geometry of {len(cell)} bytes whose header alone needs {size}")
    found = struct.unpack_from(f"{order}i", cell, 4)[0]
    if found != srs_id:
        raise GeometryError(row, f"srs_id {found}, but that of the table is {srs_id}")
    return size, struct.unpack_from(f"{order}4d", cell, 8) if code else ()


def _require_envelopes(geometries: Shaped[np.ndarray, " rows"], envelopes: dict[int, tuple[float, ...]]) -> None:
    rows = np.array([row for row, envelope in envelopes.items() if envelope], int)
    rows = rows[~shapely.is_empty(geometries[rows])]
    given = np.array([envelopes[row] for row in rows.tolist()]).reshape(-1, 4)
    actual = shapely.bounds(geometries[rows])[:, [0, 2, 1, 3]]
    agree = (np.abs(given - actual) <= _TOLERANCE).all(axis=1)
    if len(bad := rows[~agree]):
        raise GeometryError(int(bad[0]), "the envelope in the header does not agree with the coordinates")
