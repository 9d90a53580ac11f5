"""The road network hangs together: lanes, connectors, intersection and ids."""

from __future__ import annotations

import numpy as np
import shapely

from lead_xb.demo.roads import Turn, dashes
from lead_xb.demo.town import build_town

TOWN = build_town()


def test_connectors_begin_and_end_on_lanes() -> None:
    for connector in TOWN.connectors:
        for line, start, end in (
            (connector.centre, connector.from_lane.centre, connector.to_lane.centre),
            (connector.left, connector.from_lane.left, connector.to_lane.left),
            (connector.right, connector.from_lane.right, connector.to_lane.right),
        ):
            np.testing.assert_allclose(line[0], start[-1])
            np.testing.assert_allclose(line[-1], end[0])


def test_all_three_manoeuvres_exist_for_every_arm() -> None:
    for stop in TOWN.stop_lines:
        assert {c.turn for c in TOWN.connectors if c.stop_id == stop.stop_id} == set(Turn)


def test_connectors_stay_inside_the_intersection() -> None:
    intersection = shapely.Polygon(TOWN.intersection).buffer(0.3)
    for connector in TOWN.connectors:
        assert intersection.contains(shapely.LineString(connector.centre))


def test_the_road_is_one_area_without_holes() -> None:
    area = TOWN.road_area()
    assert isinstance(area, shapely.Polygon)
    assert not area.interiors


def test_walkways_and_car_parks_lie_beside_the_road() -> None:
    road = TOWN.road_area().buffer(-0.05)
    for ring in (*TOWN.walkways, *TOWN.carparks):
        assert shapely.Polygon(ring).intersection(road).area < 0.5


def test_ids_are_unique() -> None:
    ids = [lane.lane_id for lane in TOWN.lanes] + [group.group_id for group in TOWN.groups]
    ids += [c.connector_id for c in TOWN.connectors] + [stop.stop_id for stop in TOWN.stop_lines]
    assert len(ids) == len(set(ids))


def test_left_is_left_of_right() -> None:
    for lane in TOWN.lanes:
        along, across = lane.centre[1] - lane.centre[0], lane.left[0] - lane.right[0]
        assert along[0] * across[1] - along[1] * across[0] > 0.0


def test_dashes_have_gaps() -> None:
    pieces = dashes(np.array([[0.0, 0.0], [30.0, 0.0]]), on_m=3.0, off_m=4.5)
    assert all(np.ptp(piece[:, 0]) == 3.0 for piece in pieces)
    assert pieces[1][0, 0] - pieces[0][-1, 0] == 4.5
