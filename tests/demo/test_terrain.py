"""The terrain is a smooth banked slope whose rotation follows it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lead_xb.demo.terrain import Terrain

TERRAIN = Terrain(origin_m=(3.0, -7.0), uphill_rad=0.4)


def test_the_gradient_is_the_derivative_of_the_height() -> None:
    points = np.random.default_rng(0).uniform(-60.0, 40.0, (200, 2))
    step = 1e-4
    numeric = [
        (TERRAIN.height(points + shift) - TERRAIN.height(points - shift)) / (2.0 * step)
        for shift in (np.array([step, 0.0]), np.array([0.0, step]))
    ]
    np.testing.assert_allclose(TERRAIN.gradient(points), np.stack(numeric, axis=-1), atol=1e-7)


def test_far_before_the_crest_the_slope_is_five_degrees_and_the_bank_three() -> None:
    c, s = math.cos(0.4), math.sin(0.4)
    point = np.array([3.0, -7.0]) - 70.0 * np.array([c, s])
    gradient = TERRAIN.gradient(point)
    uphill, left = gradient @ np.array([c, s]), gradient @ np.array([-s, c])
    assert math.degrees(math.atan(uphill)) == pytest.approx(5.0, abs=0.01)
    assert math.degrees(math.atan(left)) == pytest.approx(3.0, abs=0.01)


def test_beyond_the_crest_the_ground_is_level() -> None:
    point = np.array([3.0, -7.0]) + 60.0 * np.array([math.cos(0.4), math.sin(0.4)])
    np.testing.assert_allclose(TERRAIN.gradient(point), 0.0, atol=1e-4)


def test_a_body_stands_on_the_ground_with_its_nose_up_when_it_drives_uphill() -> None:
    point = np.array([-40.0, -30.0])
    rotation = TERRAIN.rotation(point, np.asarray(0.4))
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert math.atan2(rotation[1, 0], rotation[0, 0]) == pytest.approx(0.4)
    assert rotation[2, 0] > 0.05
    normal = np.array([*-TERRAIN.gradient(point), 1.0])
    np.testing.assert_allclose(np.cross(rotation[:, 2], normal), 0.0, atol=1e-12)


def test_driving_downhill_lowers_the_nose() -> None:
    assert TERRAIN.rotation(np.array([-40.0, -30.0]), np.asarray(0.4 + math.pi))[2, 0] < -0.05
