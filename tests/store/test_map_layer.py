"""One layer, column by column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely

from lead_xb.schemas.errors import LeadXbError, SchemaError
from lead_xb.schemas.map import Layer
from lead_xb.store.map_layer import MapLayer

SQUARES = [shapely.box(i, 0, i + 1, 1) for i in range(50)]


def layer_of(ids: list[str], geometry: list[bytes]) -> MapLayer:
    return MapLayer(Layer.LANE, pa.table({"id": ids, "geometry": pa.array(geometry, pa.binary())}), "town.arrow")


@pytest.fixture
def squares() -> MapLayer:
    return layer_of([str(100 - i) for i in range(50)], [shapely.to_wkb(square) for square in SQUARES])


def test_rows_are_found_by_id(squares: MapLayer) -> None:
    assert squares.row("97") == 3
    with pytest.raises(LeadXbError, match=r"town\.arrow: lane 'x' occurs 0 times"):
        squares.row("x")


def test_an_id_of_two_native_layers_is_not_guessed() -> None:
    twice = layer_of(["1", "1"], [shapely.to_wkb(SQUARES[0])] * 2)
    with pytest.raises(LeadXbError, match="'1' occurs 2 times"):
        twice.row("1")


def test_intersecting_rows_agree_with_a_plain_loop(squares: MapLayer) -> None:
    rng = np.random.default_rng(0)
    for x, y, r in rng.uniform([-5, -2, 0], [55, 3, 4], (50, 3)):
        patch = shapely.box(x - r, y - r, x + r, y + r)
        expected = [row for row, square in enumerate(SQUARES) if square.intersects(patch)]
        assert squares.intersecting(patch).tolist() == expected


def test_contained_points_agree_with_a_plain_loop(squares: MapLayer) -> None:
    points = np.random.default_rng(0).uniform([-1, -1], [51, 2], (400, 2)).round(1)
    point, row = squares.containing(points)
    expected = [
        (i, j)
        for i, xy in enumerate(points)
        for j, square in enumerate(SQUARES)
        if shapely.contains_xy(square, xy[0], xy[1])
    ]
    assert list(zip(point.tolist(), row.tolist(), strict=True)) == expected


def test_the_nearest_of_equals_is_the_first_row(squares: MapLayer) -> None:
    assert squares.nearest(np.array([3.0, 5.0])) == (2, 4.0)


def test_an_empty_geometry_is_found_by_no_query() -> None:
    layer = layer_of(["1", "2"], [shapely.to_wkb(shapely.Polygon()), shapely.to_wkb(SQUARES[0])])
    assert layer.intersecting(shapely.box(-9, -9, 9, 9)).tolist() == [1]
    assert layer.nearest(np.array([0.0, 9.0])) == (1, 8.0)


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"\x01", "not a geometry in ISO WKB"),
        (shapely.to_wkb(shapely.LineString([(0, 0), (1, np.inf)])), "coordinates that are not finite"),
        (shapely.to_wkb(shapely.LineString([(0, 0), (1, -1e300)])), "coordinates that are not finite or far off"),
    ],
)
def test_damaged_geometry_names_the_element(blob: bytes, reason: str) -> None:
    layer = layer_of(["1", "2"], [shapely.to_wkb(SQUARES[0]), blob])
    with pytest.raises(SchemaError, match=rf"town\.arrow: lane '2': {reason}"):
        _ = layer.tree
