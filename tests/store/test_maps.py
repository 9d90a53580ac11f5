"""The public map: topology, geometry of lanes, spatial queries.

The town: two parallel lanes A (left, y 2..4) and B (y 0..2) from x = 0 to 10, connectors to lane C at x = 14..24, an
intersection between them. Lane and connector ids overlap on purpose, as nuPlan numbers each table apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from lead_xb.schemas.errors import LeadXbError
from lead_xb.schemas.map import Layer, MapMeta
from lead_xb.store.codec import pack_native
from lead_xb.store.map_file import open_map, write_map
from lead_xb.store.maps import Map
from lead_xb.store.writer import Row

META = MapMeta(map_id="navsim-town-1.0", source="navsim", location="town", map_version="1.0", crs=None)
A, B, C = "3", "1", "2"
TOWN: dict[Layer, list[tuple[str, shapely.Geometry, dict[str, Any]]]] = {
    Layer.LANE: [
        (A, shapely.box(0, 2, 10, 4), {"road_block_id": "30", "successors": ["1"], "speed_limit": 13.4}),
        (C, shapely.box(14, 0, 24, 2), {"road_block_id": "31", "predecessors": ["1", "2"]}),
        (B, shapely.box(0, 0, 10, 2), {"road_block_id": "30", "successors": ["2", "8"], "right_boundary_id": "5"}),
    ],
    Layer.LANE_CONNECTOR: [
        ("1", shapely.LineString([(10, 3), (14, 1)]), {"predecessors": [A], "successors": [C], "road_block_id": "31"}),
        ("2", shapely.LineString([(10, 1), (14, 1)]), {"predecessors": [B], "successors": [C], "stop_lines": ["6"]}),
    ],
    Layer.LANE_CONNECTOR_POLYGON: [
        ("90", shapely.box(10, 0, 14, 2), {"lane_id": "2", "lane_layer": "lane_connector", "left_boundary_id": "5"}),
    ],
    Layer.CENTERLINE: [
        ("50", shapely.LineString([(10, 1), (12, 1), (14, 1)]), {"lane_id": "2", "lane_layer": "lane_connector"}),
        ("51", shapely.LineString([(14, 1), (24, 1)]), {"lane_id": C, "lane_layer": "lane"}),
    ],
    Layer.ROAD_BLOCK: [
        ("30", shapely.box(0, 0, 10, 4), {"successors": ["31"]}),
    ],
    Layer.ROAD_BLOCK_CONNECTOR: [
        ("31", shapely.box(10, 0, 14, 4), {"predecessors": ["30"]}),
        ("30", shapely.box(50, 50, 51, 51), {}),
    ],
    Layer.BOUNDARY: [("5", shapely.LineString([(0, 0), (10, 0)]), {"subtype": "2"})],
    Layer.INTERSECTION: [("40", shapely.box(10, 0, 14, 4), {"extra": pack_native({"is_mini": 0})})],
    Layer.OTHER: [("1", shapely.Point(5, 5), {})],
}


def rows() -> list[Row]:
    return [
        {"id": id, "layer": layer.value, "native_layer": layer.value, "native_row": row}
        | {"geometry": shapely.to_wkb(geometry)}
        | cells
        for layer, elements in TOWN.items()
        for row, (id, geometry, cells) in enumerate(elements)
    ]


@pytest.fixture
def town(tmp_path: Path) -> Map:
    write_map(tmp_path / "town.arrow", META, rows())
    return open_map(tmp_path / "town.arrow")


def ids(elements: Any) -> list[str]:
    return [element.id for element in elements]


def at(x: float, y: float) -> np.ndarray:
    return np.array([x, y], np.float64)


def test_a_lane_knows_its_area_its_centerline_and_what_the_source_says(town: Map) -> None:
    lane = town.lane(C)
    assert (lane.native_row, lane.layer, lane.speed_limit) == (1, Layer.LANE, None)
    assert lane.polygon.equals(shapely.box(14, 0, 24, 2))
    np.testing.assert_array_equal(lane.centerline, [[14, 1], [24, 1]])
    assert lane.left_boundary is None and town.lane(A).speed_limit == 13.4


def test_a_lane_connector_has_a_path_and_an_area(town: Map) -> None:
    connector = town.lane("2", connector=True)
    assert connector.geometry.geom_type == "LineString"
    assert connector.polygon.equals(shapely.box(10, 0, 14, 2))
    np.testing.assert_array_equal(connector.centerline, [[10, 1], [12, 1], [14, 1]])
    assert connector.left_boundary is town.element(Layer.BOUNDARY, "5")
    assert (connector.stop_lines, connector.road_block) == (("6",), None)


def test_lanes_follow_each_other_through_connectors(town: Map) -> None:
    (connector,) = town.lane(A).outgoing
    assert (connector.layer, connector.id) == (Layer.LANE_CONNECTOR, "1")
    assert connector.incoming == (town.lane(A),) and connector.outgoing == (town.lane(C),)
    assert ids(town.lane(C).incoming) == ["1", "2"] and town.lane(C).outgoing == ()


def test_a_road_block_has_its_lanes_in_native_order_and_its_neighbours(town: Map) -> None:
    block = town.road_block("30")
    assert ids(block.lanes) == [A, B]
    assert block.outgoing == (town.road_block("31", connector=True),)
    assert town.road_block("31", connector=True).incoming == (block,)
    assert town.road_block("31", connector=True).lanes == (town.lane("1", connector=True),)
    assert town.lane(A).road_block is block


def test_a_route_id_means_the_block_before_the_connector(town: Map) -> None:
    assert town.route_block("30").layer is Layer.ROAD_BLOCK
    assert town.route_block("31").layer is Layer.ROAD_BLOCK_CONNECTOR
    with pytest.raises(LeadXbError, match="road_block_connector '99' occurs 0 times"):
        town.route_block("99")


def test_a_link_to_nothing_says_what_is_missing(town: Map) -> None:
    with pytest.raises(LeadXbError, match="lane_connector '8' occurs 0 times"):
        _ = town.lane(B).outgoing
    with pytest.raises(LeadXbError, match="lane '3' has 0 elements of layer centerline"):
        _ = town.lane(A).centerline
    with pytest.raises(LeadXbError, match="lane_connector '1' has 0 elements of layer lane_connector_polygon"):
        _ = town.lane("1", connector=True).polygon


def test_native_columns_without_a_column_are_unpacked(town: Map) -> None:
    assert town.element(Layer.INTERSECTION, "40").native == {"is_mini": 0}
    assert town.lane(A).native == {}


def test_a_square_query_reaches_corners_that_a_circle_does_not(town: Map) -> None:
    assert ids(town.query_square(Layer.INTERSECTION, at(15.5, 5.5), 1.5)) == ["40"]
    assert ids(town.query_square(Layer.INTERSECTION, at(15.5, 5.5), 1.499)) == []


def test_queries_answer_layer_by_layer_in_native_order(town: Map) -> None:
    everything = shapely.box(-1, -1, 60, 60)
    assert ids(town.query(Layer.LANE, everything)) == [A, C, B]
    found = town.query([Layer.ROAD_BLOCK_CONNECTOR, Layer.LANE], everything)
    assert ids(found) == ["31", "30", A, C, B]
    assert ids(town.query(Layer.LANE, shapely.Point(5, 2))) == [A, B]


def test_connectors_are_found_by_path_or_by_area(town: Map) -> None:
    corner = shapely.Point(13, 0.1)
    assert town.query(Layer.LANE_CONNECTOR, corner) == []
    assert ids(town.query(Layer.LANE_CONNECTOR_POLYGON, corner)) == ["90"]


def test_a_layer_that_the_map_lacks_is_empty(town: Map) -> None:
    assert len(town.layer(Layer.WALKWAY)) == 0 and list(town.elements(Layer.WALKWAY)) == []
    assert town.query(Layer.WALKWAY, shapely.box(0, 0, 9, 9)) == []
    assert not town.contains(Layer.WALKWAY, np.zeros((2, 2))).any()
    with pytest.raises(LeadXbError, match="no walkway"):
        town.nearest(Layer.WALKWAY, at(0, 0))


def test_nearest_takes_the_first_of_equals(town: Map) -> None:
    assert town.nearest(Layer.LANE, at(5, 2)) == (town.lane(A), 0.0)
    assert town.nearest(Layer.LANE, at(30, 1)) == (town.lane(C), 6.0)


def test_points_on_an_edge_are_not_contained(town: Map) -> None:
    points = np.array([[5, 3], [5, 2], [5, 1], [12, 1], [20, 1]], np.float64)
    np.testing.assert_array_equal(town.contains(Layer.LANE, points), [True, False, True, False, True])
    point, row = town.containing(Layer.LANE, points)
    assert [(p, town.elements(Layer.LANE)[r].id) for p, r in zip(point, row, strict=True)] == [(0, A), (2, B), (4, C)]


def test_an_element_is_one_object(town: Map) -> None:
    (found,) = town.query(Layer.LANE, shapely.Point(1, 3))
    assert found is town.lane(A) and len({found, town.lane(A)}) == 1
    assert len(town) == sum(len(town.elements(layer)) for layer in Layer)
