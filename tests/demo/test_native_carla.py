"""CARLA's formulas: signs, matrices, mounts and the perturbed rig."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lead_xb.demo.drive import make_drive
from lead_xb.demo.native_carla import (
    ACTOR_AHEAD_OF_AXLE_M,
    CAMERAS,
    Perturbation,
    Transform,
    camera_model,
    camera_pose,
    draw_perturbation,
    ego_transforms,
    imu,
    transform_of,
    wrap,
)
from lead_xb.demo.terrain import Terrain

MIRROR = np.diag([1.0, -1.0, 1.0])


def test_yaw_turns_right_pitch_lifts_the_nose_and_roll_lowers_the_right_side() -> None:
    np.testing.assert_allclose(Transform(0.0, 0.0, 0.0, yaw=90.0).matrix()[:3, 0], [0.0, 1.0, 0.0], atol=1e-12)
    assert Transform(0.0, 0.0, 0.0, pitch=5.0).matrix()[2, 0] == pytest.approx(math.sin(math.radians(5.0)))
    assert Transform(0.0, 0.0, 0.0, roll=3.0).matrix()[2, 1] == pytest.approx(-math.sin(math.radians(3.0)))


def test_the_transform_of_a_body_is_its_mirrored_pose() -> None:
    position, terrain = np.array([-40.0, -30.0]), Terrain(uphill_rad=0.4)
    rotation = terrain.rotation(position, np.asarray(1.1))
    transform = transform_of(terrain.lift(position), rotation)
    matrix = transform.matrix()
    np.testing.assert_allclose(matrix[:3, :3], MIRROR @ rotation @ MIRROR, atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 3], MIRROR @ terrain.lift(position))


def test_uphill_the_pitch_is_positive_and_a_high_left_side_is_a_positive_roll() -> None:
    transform = ego_transforms(make_drive(duration_s=0.5).ego)[0]
    assert 4.0 < transform.pitch < 6.0
    assert 2.0 < transform.roll < 5.0


def test_the_actor_origin_is_ahead_of_the_rear_axle_along_the_slope() -> None:
    drive = make_drive(duration_s=0.5)
    transform = ego_transforms(drive.ego)[3]
    axle = transform.matrix() @ np.array([-ACTOR_AHEAD_OF_AXLE_M, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(MIRROR @ axle[:3], drive.ego.position_m[3], atol=1e-9)


def test_the_right_camera_looks_right() -> None:
    pose = camera_pose(Transform(0.0, 0.0, 0.0), CAMERAS[3], perturbation=Perturbation())
    right, down, forward = pose.world_from_camera.T
    np.testing.assert_allclose(forward, [math.cos(math.radians(54.5)), -math.sin(math.radians(54.5)), 0.0])
    np.testing.assert_allclose(down, [0.0, 0.0, -1.0])
    np.testing.assert_allclose(np.cross(right, down), forward, atol=1e-12)
    np.testing.assert_allclose(pose.position_m, [0.1, -0.35, 2.25])


def test_the_perturbed_rig_follows_the_documented_formula() -> None:
    shift, yaw = 0.6, 7.5
    pose = camera_pose(Transform(0.0, 0.0, 0.0), CAMERAS[1], perturbation=Perturbation(shift, yaw))
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    expected = np.array([c * 0.1 + s * 0.35, s * 0.1 - c * 0.35 + shift, 2.25])
    np.testing.assert_allclose(pose.position_m, MIRROR @ expected)
    heading = math.radians(-54.5 + yaw)
    np.testing.assert_allclose(pose.world_from_camera[:, 2], [math.cos(heading), -math.sin(heading), 0.0], atol=1e-12)


def test_drawn_perturbations_stay_in_their_ranges() -> None:
    for seed in range(200):
        drawn = draw_perturbation(np.random.default_rng(seed), lane_width_m=3.5, gap_m=0.4)
        assert 0.1 <= abs(drawn.shift_m) <= 0.82
        assert 0.5 <= abs(drawn.yaw_deg) <= 12.5
        side = drawn.shift_m
        assert -5.0 - 3.75 * (side + 1.0) <= drawn.yaw_deg <= 12.5 - 3.75 * (side + 1.0)


def test_the_focal_length_follows_from_the_field_of_view() -> None:
    model = camera_model()
    assert model.intrinsics[0, 0] == pytest.approx(192.0 / math.tan(math.radians(30.0)))


def test_the_accelerometer_feels_gravity_on_the_slope_and_the_gyroscope_turns_left_as_negative() -> None:
    drive = make_drive(duration_s=1.0)
    acceleration, spin = imu(drive.ego)
    pitch = drive.ego.rotation[:, 2, 0]
    along = np.einsum("ti,ti->t", drive.ego.acceleration_mps2, drive.ego.rotation[:, :, 0])
    np.testing.assert_allclose(acceleration[:, 0], along + 9.81 * pitch, atol=1e-9)
    assert (spin[:, 2] < -0.05).all()


def test_wrapped_angles_lie_in_the_half_open_circle() -> None:
    angles = np.array([math.pi, -math.pi, 3.0 * math.pi, 0.5, -4.0])
    np.testing.assert_allclose(wrap(angles), [math.pi, math.pi, math.pi, 0.5, 2.0 * math.pi - 4.0])
