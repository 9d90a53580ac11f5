"""Plane curves keep their radius, their offset and their tangents."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lead_xb.demo.paths import arc_length, arc_line, offset, resample, smooth_path, turn_line


def test_the_vertices_of_an_arc_lie_on_its_circle() -> None:
    line = arc_line([(40.0, 1 / 25.0)], heading_rad=0.0)
    np.testing.assert_allclose(np.linalg.norm(line - np.array([0.0, 25.0]), axis=1), 25.0, atol=1e-9)


def test_positive_curvature_turns_left() -> None:
    assert arc_line([(10.0, 0.05)], heading_rad=0.0)[-1, 1] > 0.0


def test_an_offset_arc_has_the_other_radius() -> None:
    line = offset(arc_line([(40.0, 1 / 25.0)], heading_rad=0.0), 5.0)
    np.testing.assert_allclose(np.linalg.norm(line - np.array([0.0, 25.0]), axis=1), 20.0, atol=0.01)


def test_a_turn_meets_both_lanes_in_place_and_direction() -> None:
    start, end = np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[15.0, -10.0], [15.0, -20.0]])
    curve = turn_line(start, end, count=101)
    np.testing.assert_allclose(curve[[0, -1]], [[5.0, 0.0], [15.0, -10.0]])
    first, last = curve[1] - curve[0], curve[-1] - curve[-2]
    assert abs(math.atan2(first[1], first[0])) < 0.03
    assert math.atan2(last[1], last[0]) == pytest.approx(-math.pi / 2, abs=0.03)


def test_resampling_keeps_both_ends_and_the_length() -> None:
    line = arc_line([(10.0, 0.0), (10.0, 0.1)], heading_rad=1.0)
    dense = resample(line, 0.1)
    np.testing.assert_allclose(dense[[0, -1]], line[[0, -1]])
    assert arc_length(dense)[-1] == pytest.approx(arc_length(line)[-1], rel=1e-4)


def test_a_smooth_path_stays_near_its_lanes_and_has_no_kinks() -> None:
    lane = arc_line([(30.0, 0.0), (20.0, 0.1), (30.0, 0.0)], heading_rad=0.0)
    path = smooth_path([lane])
    nearest = [np.linalg.norm(resample(lane, 0.05) - xy, axis=1).min() for xy in path.xy_m[::20]]
    assert max(nearest) < 0.25
    curvature = np.diff(path.heading_rad) / np.diff(path.s_m)
    assert np.abs(np.diff(curvature)).max() < 0.01


def test_beyond_its_ends_a_path_goes_straight_on() -> None:
    path = smooth_path([arc_line([(20.0, 0.0)], heading_rad=0.0)])
    xy, heading = path.at(np.array([-5.0, 25.0]))
    np.testing.assert_allclose(xy, [[-5.0, 0.0], [25.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(heading, 0.0, atol=1e-12)
