"""Camera models: projection, its inverse, and clipping."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lead_xb.demo.camera import CameraModel, CameraPose, clip_polygon, divide_edges, view_planes
from lead_xb.demo.native_carla import camera_model
from lead_xb.demo.native_nuplan import CAMERA_MODEL


@pytest.mark.parametrize("model", [CAMERA_MODEL, camera_model()])
def test_rays_and_pixels_are_inverse(model: CameraModel) -> None:
    step = model.width // 32
    rays = model.rays(step)
    pixels = model.to_pixels(rays.reshape(-1, 2)).reshape(rays.shape)
    np.testing.assert_allclose(pixels[0, 0], [(step - 1) / 2, (step - 1) / 2], atol=1e-6)
    np.testing.assert_allclose(pixels[1, 2] - pixels[0, 0], [2 * step, step], atol=1e-6)


def test_the_distortion_is_opencv_s() -> None:
    points = np.random.default_rng(0).uniform([-0.7, -0.4, 1.0], [0.7, 0.4, 1.0], (50, 3))
    expected, _ = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), CAMERA_MODEL.intrinsics, np.asarray(CAMERA_MODEL.distortion)
    )
    np.testing.assert_allclose(CAMERA_MODEL.to_pixels(points[:, :2]), expected.reshape(-1, 2), atol=1e-6)


def test_a_polygon_through_the_camera_plane_keeps_only_its_front() -> None:
    planes = view_planes(camera_model())
    road = np.array([[-2.0, 1.5, -5.0], [2.0, 1.5, -5.0], [2.0, 1.5, 20.0], [-2.0, 1.5, 20.0]])
    clipped = clip_polygon(road, planes)
    assert len(clipped) >= 4
    assert (clipped @ planes[:, :3].T + planes[:, 3] > -1e-9).all()
    np.testing.assert_allclose(clipped[:, 1], 1.5)
    assert clipped[:, 2].max() == pytest.approx(20.0)


def test_a_polygon_behind_the_camera_vanishes() -> None:
    behind = np.array([[-1.0, 0.0, -2.0], [1.0, 0.0, -2.0], [0.0, 1.0, -3.0]])
    assert len(clip_polygon(behind, view_planes(camera_model()))) == 0


def test_a_polygon_inside_the_view_is_untouched() -> None:
    inside = np.array([[-0.1, 0.0, 2.0], [0.1, 0.0, 2.0], [0.0, 0.1, 2.0]])
    np.testing.assert_array_equal(clip_polygon(inside, view_planes(camera_model())), inside)


def test_dividing_edges_keeps_the_corners() -> None:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    divided = divide_edges(square, 3)
    assert len(divided) == 12
    np.testing.assert_allclose(divided[::3], square)
    np.testing.assert_allclose(divided[1], [1 / 3, 0.0])


def test_the_camera_sees_its_own_axes() -> None:
    axes = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    pose = CameraPose(world_from_camera=axes, position_m=np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(pose.to_camera(np.array([[6.0, 2.0, 3.0]])), [[0.0, 0.0, 5.0]])
