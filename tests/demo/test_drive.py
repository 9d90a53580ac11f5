"""The drive: deterministic, on the ground, physically consistent, without collisions."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from lead_xb.demo.actors import Kind, Light
from lead_xb.demo.drive import Drive, make_drive
from lead_xb.demo.motion import Speed, times_s
from lead_xb.demo.roads import Turn


@pytest.fixture(scope="module")
def drive() -> Drive:
    return make_drive()


def test_a_shorter_drive_is_the_beginning_of_a_longer_one(drive: Drive) -> None:
    short = make_drive(duration_s=1.0)
    assert short.ticks == 21
    np.testing.assert_array_equal(short.ego.position_m, drive.ego.position_m[:21])
    for actor, same in zip(short.actors, drive.actors, strict=True):
        np.testing.assert_array_equal(actor.track.rotation, same.track.rotation[:21])


def test_the_seed_changes_sizes_but_not_the_way_of_the_ego(drive: Drive) -> None:
    other = make_drive(seed=8)
    np.testing.assert_array_equal(other.ego.position_m, drive.ego.position_m)
    assert other.actors[0].size_m != drive.actors[0].size_m


@pytest.mark.parametrize("duration_s", [0.0, -1.0, 16.0, float("nan")])
def test_an_impossible_duration_is_refused(duration_s: float) -> None:
    with pytest.raises(ValueError, match="duration_s is"):
        make_drive(duration_s=duration_s)


def test_everybody_stands_on_the_terrain(drive: Drive) -> None:
    for track in (drive.ego, *(actor.track for actor in drive.actors)):
        np.testing.assert_allclose(track.position_m[:, 2], drive.terrain.height(track.position_m[:, :2]), atol=1e-9)


def test_uphill_the_nose_is_up_and_the_left_side_is_high(drive: Drive) -> None:
    pitch, left_up = (np.degrees(np.arcsin(drive.ego.rotation[:, 2, k])) for k in (0, 1))
    assert 4.0 < pitch[:80].min() < pitch.max() < 6.0
    assert left_up[:40].min() > 2.0
    assert pitch[-1] < 0.5


def test_velocity_and_spin_are_the_derivatives_of_the_pose(drive: Drive) -> None:
    ego = drive.ego
    moved = (ego.position_m[2:] - ego.position_m[:-2]) * 10.0
    np.testing.assert_allclose(ego.velocity_mps[1:-1], moved, atol=0.03)
    # The rear axle does not slip: its velocity points along the vehicle.
    sideways = np.einsum("ti,ti->t", ego.velocity_mps, ego.rotation[:, :, 1])
    np.testing.assert_allclose(sideways, 0.0, atol=0.02)
    turned = np.unwrap(ego.heading_rad)
    np.testing.assert_allclose(ego.angular_velocity_radps[1:-1, 2], (turned[2:] - turned[:-2]) * 10.0, atol=0.01)


def test_the_ego_turns_right_into_the_southern_arm(drive: Drive) -> None:
    assert drive.route.turn is Turn.RIGHT
    assert drive.commands[0] is Turn.STRAIGHT and Turn.RIGHT in drive.commands
    turned = np.unwrap(drive.ego.heading_rad)
    assert turned[-1] - turned[100] < -1.3
    lane = shapely.Polygon(drive.network.lane(drive.route.lanes[-1]).ring)
    assert lane.contains(shapely.Point(drive.ego.position_m[-1, :2]))


def test_nobody_collides(drive: Drive) -> None:
    for tick in range(0, drive.ticks, 5):
        outlines = [shapely.Polygon(actor.corners_m(tick)[[0, 2, 6, 4], :2]) for actor in drive.actors]
        axle, forward = drive.ego.position_m[tick, :2], drive.ego.rotation[tick, :2, 0]
        outlines.append(shapely.LineString([axle - 1.0 * forward, axle + 4.0 * forward]).buffer(1.0, cap_style="flat"))
        for k, outline in enumerate(outlines):
            assert not any(outline.intersects(other) for other in outlines[:k]), (tick, k)


def test_the_cast_has_every_kind_and_both_moving_and_parked_cars(drive: Drive) -> None:
    assert {actor.kind for actor in drive.actors} == set(Kind)
    assert sum(actor.parked for actor in drive.actors) == 3
    assert len({actor.actor_id for actor in drive.actors}) == len(drive.actors)


def test_the_main_road_gets_green_when_the_cross_road_has_red(drive: Drive) -> None:
    main, cross = drive.signals[0].states, drive.signals[2].states
    assert main[0] is Light.RED and main[-1] is Light.GREEN
    assert all(a is Light.RED or b is Light.RED for a, b in zip(main, cross, strict=True))


def test_a_box_corner_is_half_the_size_away_from_the_centre(drive: Drive) -> None:
    actor = drive.actors[4]
    local = (actor.corners_m(0) - actor.centre_m(0)) @ actor.track.rotation[0]
    np.testing.assert_allclose(np.abs(local), np.tile(0.5 * np.array(actor.size_m), (8, 1)), atol=1e-9)
    assert local[0, 0] < 0.0 < local[-1, 0]


def test_distance_is_the_integral_of_speed() -> None:
    speed = Speed(((0.0, 2.0), (4.0, 6.0)))
    time = times_s(200)
    numeric = np.gradient(speed.travelled_m(time), time)
    assert numeric[0] == pytest.approx(2.0, abs=0.05)
    assert numeric[-1] == pytest.approx(6.0)
    assert (np.diff(numeric[1:-1]) > -1e-6).all()
