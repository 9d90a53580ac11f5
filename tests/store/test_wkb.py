"""WKB of unknown origin."""

from __future__ import annotations

import struct

import pytest
import shapely

from lead_xb.store.wkb import GeometryError, parse_wkb

SHAPES = [
    "POINT (1 2)",
    "LINESTRING (0 0, 1 1)",
    "LINESTRING Z (0 0 5, 1 1 6)",
    "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))",
    "POLYGON EMPTY",
    "MULTIPOINT ((0 0), (1 1))",
    "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3, 4 4))",
    "MULTIPOLYGON (((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5)), ((9 9, 8 8, 7 9, 9 9)))",
    "MULTIPOLYGON Z (((0 0 1, 4 0 1, 4 4 1, 0 0 1)))",
]


@pytest.mark.parametrize("byte_order", [0, 1])
def test_geometries_come_back(byte_order: int) -> None:
    shapes = [shapely.from_wkt(text) for text in SHAPES]
    blobs = [shapely.to_wkb(shape, byte_order=byte_order, flavor="iso") for shape in shapes]
    parsed = parse_wkb(blobs)
    assert [shapely.to_wkt(shape) for shape in parsed] == [shapely.to_wkt(shape) for shape in shapes]


def test_no_geometries_are_an_empty_array() -> None:
    assert parse_wkb([]).shape == (0,)


def nested(code: int, levels: int) -> bytes:
    return struct.pack("<BII", 1, code, 1) * levels + struct.pack("<BII", 1, 3, 0)


@pytest.mark.parametrize("code", [4, 5, 6, 7])
def test_deep_nesting_is_refused_before_geos_overflows_its_stack(code: int) -> None:
    with pytest.raises(GeometryError, match="row 1"):
        parse_wkb([struct.pack("<BII", 1, 3, 0), nested(code, 1_000_000)])


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "not a geometry"),
        (b"\x01", "not a geometry"),
        (b"\x07" + bytes(20), "byte order 7"),
        (struct.pack("<BII", 1, 0x80000002, 0), "geometry type 2147483650"),
        (struct.pack("<BII", 1, 2002, 0), "geometry type 2002"),
        (struct.pack("<BII", 1, 17, 0), "geometry type 17"),
        (struct.pack("<BII", 1, 2, 0xFFFFFFFF), "truncated"),
        (struct.pack("<BII", 1, 3, 0x7FFFFFFF), "truncated"),
        (struct.pack("<BII", 1, 4, 0xFFFFFFFF), "not a geometry"),
        (struct.pack("<BII", 1, 6, 1) + struct.pack("<BIII", 1, 3, 1, 0xFFFFFFFF), "truncated"),
        (struct.pack("<BII", 1, 6, 1) + struct.pack("<BII", 1, 2, 0), "members of another kind"),
        (struct.pack("<BII2d", 1, 2, 1, 0, 0), "incomplete"),
    ],
)
def test_damage_names_its_row(blob: bytes, reason: str) -> None:
    good = shapely.to_wkb(shapely.Point(0, 0))
    with pytest.raises(GeometryError, match=reason) as caught:
        parse_wkb([good, good, blob])
    assert caught.value.row == 2
