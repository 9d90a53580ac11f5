"""Rays end on the ground or on the faces of boxes, whichever comes first."""

from __future__ import annotations

import numpy as np
import pytest

from lead_xb.demo.drive import Drive, make_drive
from lead_xb.demo.heightmap import HeightMap
from lead_xb.demo.raycast import cast, directions
from lead_xb.demo.render import Painter
from lead_xb.demo.town import LAYOUT_ORIGIN_M


@pytest.fixture(scope="module")
def drive() -> Drive:
    return make_drive(duration_s=0.5)


def test_ground_hits_lie_on_the_terrain(drive: Drive) -> None:
    heights = HeightMap(drive.terrain, LAYOUT_ORIGIN_M)
    origin = drive.ego.position_m[0] + np.array([0.0, 0.0, 2.0])
    rays = directions(np.linspace(0.0, 6.0, 90), np.radians(np.linspace(-40.0, -2.0, 30)))
    distance = heights.hits(origin, rays)
    met = np.isfinite(distance)
    assert met.mean() > 0.8
    points = origin + distance[met, None] * rays[met]
    np.testing.assert_allclose(points[:, 2], drive.terrain.height(points[:, :2]), atol=0.02)


def test_rays_into_the_sky_meet_nothing(drive: Drive) -> None:
    heights = HeightMap(drive.terrain, LAYOUT_ORIGIN_M)
    rays = directions(np.linspace(0.0, 6.0, 20), np.radians([15.0, 60.0]))
    assert np.isinf(heights.hits(drive.ego.position_m[0] + np.array([0.0, 0.0, 2.0]), rays)).all()


def test_returns_of_an_actor_lie_on_the_surface_of_its_box(drive: Drive) -> None:
    painter = Painter(drive)
    origin = drive.ego.position_m[0] + 1.9 * drive.ego.rotation[0, :, 2]
    rays = directions(np.linspace(-np.pi, np.pi, 720), np.radians(np.linspace(-20.0, 2.0, 40)))
    returns = cast(painter.heights, painter.scenery.at(0), origin_m=origin, rays=rays, range_m=60.0)
    seen = 0
    for actor in drive.actors:
        points = returns.points_m[returns.numbers == actor.actor_id]
        local = np.abs((points - actor.centre_m(0)) @ actor.track.rotation[0]) / (0.5 * np.array(actor.size_m))
        np.testing.assert_allclose(local.max(axis=1, initial=0.0), np.ones(len(points)), atol=1e-6)
        seen += len(points) > 0
    assert seen >= 6


def test_returns_are_in_range_and_name_their_ray(drive: Drive) -> None:
    painter = Painter(drive)
    origin = drive.ego.position_m[0] + np.array([0.0, 0.0, 1.9])
    rays = directions(np.linspace(-np.pi, np.pi, 90), np.radians([-5.0, 0.0, 5.0]))
    returns = cast(painter.heights, painter.scenery.at(0), origin_m=origin, rays=rays, range_m=30.0)
    offset = returns.points_m - origin
    distance = np.linalg.norm(offset, axis=1)
    assert distance.max() < 30.0
    np.testing.assert_allclose(offset / distance[:, None], rays[returns.rays], atol=1e-9)
    assert not returns.numbers[returns.on_ground].any()
