"""nuPlan's formulas: quaternions and camera axes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lead_xb.demo.drive import make_drive
from lead_xb.demo.native_nuplan import (
    CAMERAS,
    Mount,
    camera_pose,
    homogeneous,
    quaternion_wxyz,
    sensor_to_lidar,
)


def test_the_quaternion_has_its_real_part_first() -> None:
    rotation = Rotation.from_euler("ZYX", [0.7, -0.09, 0.05]).as_matrix()
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    np.testing.assert_allclose(quaternion_wxyz(rotation), [w, x, y, z], atol=1e-12)


def test_half_a_turn_has_no_safe_quaternion() -> None:
    with pytest.raises(ValueError, match="180 degrees"):
        quaternion_wxyz(np.diag([-1.0, -1.0, 1.0]))


@pytest.mark.parametrize("name", list(CAMERAS))
def test_camera_rotations_are_rotations(name: str) -> None:
    rotation = sensor_to_lidar(CAMERAS[name])
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_a_level_front_camera_has_the_axes_of_the_recordings() -> None:
    rotation = sensor_to_lidar(Mount((0.0, 0.0, 1.5), 0.0, 0.0, 0.0))
    np.testing.assert_allclose(rotation, [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], atol=1e-12)


def test_left_cameras_look_left_and_pitch_looks_down() -> None:
    assert sensor_to_lidar(CAMERAS["CAM_L0"])[1, 2] > 0.5
    assert sensor_to_lidar(CAMERAS["CAM_R0"])[1, 2] < -0.5
    assert all(sensor_to_lidar(mount)[2, 2] < 0.0 for mount in CAMERAS.values())


def test_the_pose_in_the_world_is_ego_times_mount() -> None:
    ego = make_drive(duration_s=0.5).ego
    mount = CAMERAS["CAM_F0"]
    pose = camera_pose(mount, ego_rotation=ego.rotation[2], ego_position_m=ego.position_m[2])
    world = homogeneous(ego.rotation[2], ego.position_m[2])
    expected = world @ homogeneous(sensor_to_lidar(mount), np.array(mount.position_m))
    np.testing.assert_allclose(pose.world_from_camera, expected[:3, :3])
    np.testing.assert_allclose(pose.position_m, expected[:3, 3])
