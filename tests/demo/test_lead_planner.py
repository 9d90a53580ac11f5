"""Target points are dropped by the documented rule."""

from __future__ import annotations

import numpy as np

from lead_xb.demo.drive import make_drive
from lead_xb.demo.lead_planner import LANE_FOLLOW, TargetPoint, reached_counts, sparse_route

ROUTE = tuple(TargetPoint((10.0 * k, 0.0, 0.0), LANE_FOLLOW) for k in range(5))


def test_a_point_counts_as_reached_within_the_pop_distance() -> None:
    positions = np.array([[0.0, 0.0], [6.0, 0.0], [7.5, 0.0], [14.0, 0.0]])
    assert reached_counts(ROUTE, positions, pop_distance_m=3.0) == [0, 0, 1, 1]


def test_reached_points_stay_reached() -> None:
    assert reached_counts(ROUTE, np.array([[10.0, 0.0], [4.0, 0.0]]), pop_distance_m=3.0) == [1, 1]


def test_two_points_always_remain() -> None:
    assert reached_counts(ROUTE, np.array([[40.0, 0.0]]), pop_distance_m=3.0) == [3]


def test_points_far_along_the_route_are_not_looked_at() -> None:
    loop = tuple(TargetPoint((x, 0.0, 0.0), LANE_FOLLOW) for x in (0.0, 30.0, 60.0, 30.0, 0.0))
    assert reached_counts(loop, np.array([[1.0, 0.0]]), pop_distance_m=3.0) == [0]


def test_the_sparse_route_announces_the_right_turn() -> None:
    assert [point.command for point in sparse_route(make_drive(duration_s=0.5))] == [4, 4, 2, 2, 4, 4, 4]
