"""Geometry cells: header, envelope, WKB."""

from __future__ import annotations

import struct

import numpy as np
import pyproj
import pytest
import shapely

from lead_xb.adapters.navsim.gpkg_geometry import decode_geometries, reproject
from lead_xb.store.wkb import GeometryError

SQUARE = shapely.box(0, 10, 1, 12)


def cell(geometry: shapely.Geometry, *, flags: int = 0b11, envelope: tuple[float, ...] = (0, 1, 10, 12)) -> bytes:
    order = "<" if flags & 1 else ">"
    header = struct.pack(f"{order}2sBBi{len(envelope)}d", b"GP", 0, flags, 4326, *envelope)
    return header + shapely.to_wkb(geometry, byte_order=flags & 1, flavor="iso")


@pytest.mark.parametrize(
    ("flags", "envelope"),
    [
        (0b0001, ()),
        (0b0011, (0, 1, 10, 12)),
        (0b0010, (0, 1, 10, 12)),
        (0b0101, (0, 1, 10, 12, 0, 0)),
        (0b0111, (0, 1, 10, 12, 0, 0)),
        (0b1001, (0, 1, 10, 12, 0, 0, 0, 0)),
    ],
)
def test_every_kind_of_envelope_is_read(flags: int, envelope: tuple[float, ...]) -> None:
    (geometry,) = decode_geometries([cell(SQUARE, flags=flags, envelope=envelope)], 4326)
    assert geometry.equals(SQUARE)


def test_null_and_empty_cells_have_no_coordinates() -> None:
    empty = cell(shapely.Polygon(), flags=0b1_0001, envelope=())
    geometries = decode_geometries([None, empty, cell(SQUARE)], 4326)
    assert [geometry.is_empty for geometry in geometries] == [True, True, False]
    assert decode_geometries([None], 4326)[0].is_empty and decode_geometries([], 4326).shape == (0,)


NAN_LINE = cell(shapely.LineString([(0, 10), (1, 12)]), flags=1, envelope=())[:-8] + struct.pack("<d", np.nan)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (5, "expected a geometry"),
        ("GP", "expected a geometry"),
        (b"GP\0", "expected a geometry"),
        (b"XY" + cell(SQUARE)[2:], "expected a geometry"),
        (b"GP\1" + cell(SQUARE)[3:], "expected a geometry"),
        (cell(SQUARE, flags=0b1011), "flags 0x0b"),
        (cell(SQUARE, flags=0b10_0011), "flags 0x23: an extension"),
        (cell(SQUARE)[:20], "whose header alone needs 40"),
        (cell(SQUARE)[:4] + bytes(4) + cell(SQUARE)[8:], "srs_id 0, but that of the table is 4326"),
        (cell(SQUARE)[:60], "GEOS cannot read it"),
        (cell(SQUARE, envelope=(0, 1, 10, 11)), "envelope in the header does not agree"),
        (cell(SQUARE, envelope=(0, 1, 10, np.nan)), "envelope in the header does not agree"),
        (NAN_LINE, "not finite"),
    ],
)
def test_damage_names_its_row(content: object, reason: str) -> None:
    with pytest.raises(GeometryError, match=reason) as caught:
        decode_geometries([None, cell(SQUARE), content], 4326)
    assert caught.value.row == 2


def test_projection_keeps_heights_and_axis_order() -> None:
    flat, high = shapely.Point(-69, 42), shapely.Point(-69, 42, 7)
    geometries = np.array([flat, high, shapely.Polygon()], object)
    projected = reproject(geometries, pyproj.CRS("EPSG:4326"), pyproj.CRS("EPSG:32619"))
    assert projected[0].x == pytest.approx(500_000) and not projected[0].has_z
    assert (projected[1].x, projected[1].y, projected[1].z) == (projected[0].x, projected[0].y, 7)
    assert projected[2].is_empty and flat.x == -69
