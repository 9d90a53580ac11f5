"""Projection: values computed by hand, and what must hold for every camera model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.rig import Camera, Rig, View
from lead_xb.store.frames import translation
from lead_xb.viz.project import NEAR_M, camera_from_ego, in_camera, project, project_segments

MakeCamera = Callable[..., Camera]

NUPLAN = (-0.356123, 0.172545, -0.00213, 0.000464, -0.052310)


def plain_camera(model: str, **parameters: tuple[float, ...]) -> Camera:
    """A camera whose axes are those of the tests."""
    return Camera(
        name="camera",
        width=160,
        height=120,
        model=model,
        parameters=parameters,
        ego_from_camera=tuple(tuple(float(v) for v in row) for row in np.eye(4)),
        crops={},
    )


PINHOLE = plain_camera("pinhole", focal=(100.0, 50.0), center=(80.0, 60.0), distortion=())
DISTORTED = plain_camera("pinhole", focal=(100.0, 100.0), center=(80.0, 60.0), distortion=NUPLAN)
FTHETA = plain_camera(
    "ftheta", center=(80.0, 60.0), forward_poly=(0.0, 100.0, 0.0, -5.0), backward_poly=(), linear_cde=(1.0, 0.0, 0.0)
)
MEI = plain_camera(
    "fisheye_mei", focal=(100.0, 100.0), center=(80.0, 60.0), distortion=(0.01, 0.0, 0.0, 0.0), mirror=(1.2,)
)
FISHEYE = plain_camera(
    "fisheye", focal=(100.0, 90.0), center=(80.0, 60.0), distortion=(0.02, -0.01, 0.0, 0.0), max_angle=(1.9,)
)
RATIONAL = plain_camera(
    "pinhole",
    focal=(100.0, 100.0),
    center=(80.0, 60.0),
    distortion=(0.1, -0.02, 0.001, -0.002, 0.003, 0.3, 0.01, 0.0),
)
MODELS = [PINHOLE, DISTORTED, RATIONAL, FTHETA, MEI, FISHEYE]


def test_a_pinhole_point_lies_where_the_formula_says() -> None:
    pixels = project(PINHOLE, np.array([[1.0, -0.5, 2.0]]))
    assert pixels.valid.all()
    np.testing.assert_allclose(pixels.value, [[80.0 + 100.0 * 0.5, 60.0 - 50.0 * 0.25]])


def test_distortion_is_the_radial_and_tangential_polynomial() -> None:
    k1, k2, p1, p2, k3 = NUPLAN
    x, y = 0.4, -0.3
    r2 = x * x + y * y
    radial = 1.0 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = 80.0 + 100.0 * (x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x))
    v = 60.0 + 100.0 * (y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y)
    np.testing.assert_allclose(project(DISTORTED, np.array([[0.8, -0.6, 2.0]])).value, [[u, v]], atol=1e-9)


def test_points_beyond_the_turning_point_of_the_distortion_are_dropped() -> None:
    # The radius in the image grows up to x/z = 1.2647 and then shrinks: x/z = 2.5 would come back into the picture.
    pixels = project(DISTORTED, np.array([[1.25, 0.0, 1.0], [1.28, 0.0, 1.0], [2.5, 0.0, 1.0]]))
    assert pixels.valid.tolist() == [True, False, False]


def test_points_behind_a_pinhole_are_dropped() -> None:
    assert project(PINHOLE, np.array([[0.0, 0.0, -5.0], [0.0, 0.0, 0.0]])).valid.tolist() == [False, False]


def test_ftheta_maps_the_angle_through_its_polynomial() -> None:
    angle = np.deg2rad(60.0)
    pixels = project(FTHETA, np.array([[np.sin(angle), 0.0, np.cos(angle)]]) * 7.0)
    np.testing.assert_allclose(pixels.value, [[80.0 + 100.0 * angle - 5.0 * angle**3, 60.0]])


def test_ftheta_skews_with_its_linear_part() -> None:
    skewed = plain_camera(
        "ftheta", center=(80.0, 60.0), forward_poly=(0.0, 100.0), backward_poly=(), linear_cde=(1.1, 0.2, 0.3)
    )
    point = np.array([[np.sin(0.5), 0.0, np.cos(0.5)]])
    np.testing.assert_allclose(project(skewed, point).value, [[80.0 + 1.1 * 50.0, 60.0 + 0.3 * 50.0]])


def test_ftheta_ends_at_its_widest_angle() -> None:
    camera = plain_camera(
        "ftheta", center=(80.0, 60.0), forward_poly=(0.0, 100.0), backward_poly=(), linear_cde=(), max_angle=(1.0,)
    )
    points = np.array([[np.sin(angle), 0.0, np.cos(angle)] for angle in (0.99, 1.01)])
    assert project(camera, points).valid.tolist() == [True, False]


def test_ftheta_sees_sideways_but_not_past_the_turning_point_of_its_polynomial() -> None:
    # 100 - 15 angle^2 = 0 at 2.58 rad.
    pixels = project(FTHETA, np.array([[1.0, 0.0, -0.01], [np.sin(2.6), 0.0, np.cos(2.6)]]))
    assert pixels.valid.tolist() == [True, False]


def test_mei_with_a_mirror_of_one_is_the_stereographic_projection() -> None:
    camera = plain_camera("fisheye_mei", focal=(100.0, 100.0), center=(80.0, 60.0), distortion=(), mirror=(1.0,))
    np.testing.assert_allclose(
        project(camera, np.array([[3.0, 0.0, 0.0], [3.0, 0.0, 3.0]])).value,
        [[180.0, 60.0], [80.0 + 100.0 * np.tan(np.deg2rad(22.5)), 60.0]],
    )


def test_mei_with_a_mirror_of_zero_is_a_pinhole() -> None:
    camera = plain_camera("fisheye_mei", focal=(100.0, 50.0), center=(80.0, 60.0), distortion=(), mirror=(0.0,))
    point = np.array([[1.0, -0.5, 2.0]])
    np.testing.assert_allclose(project(camera, point).value, project(PINHOLE, point).value)
    assert not project(camera, np.array([[0.0, 0.0, -1.0]])).valid.any()


def test_an_equidistant_fisheye_follows_its_polynomial_up_to_its_widest_angle() -> None:
    angles = np.array([0.7, 1.7, 1.95])
    pixels = project(FISHEYE, np.stack([np.zeros(3), np.sin(angles), np.cos(angles)], axis=1) * 4.0)
    assert pixels.valid.tolist() == [True, True, False]
    bent = angles + 0.02 * angles**3 - 0.01 * angles**5
    np.testing.assert_allclose(pixels.value[:2, 1], 60.0 + 90.0 * bent[:2])


def test_a_rational_distortion_divides_two_polynomials() -> None:
    k1, k2, p1, p2, k3, k4, k5, k6 = RATIONAL.parameters["distortion"]
    x, y = 0.5, 0.25
    r2 = x * x + y * y
    radial = (1.0 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1.0 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    u = 80.0 + 100.0 * (x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x))
    assert project(RATIONAL, np.array([[1.0, 0.5, 2.0]])).value[0, 0] == pytest.approx(u, abs=1e-9)


def test_a_rational_distortion_ends_where_it_stops_growing() -> None:
    camera = plain_camera(
        "pinhole", focal=(1.0, 1.0), center=(0.0, 0.0), distortion=(0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.1, 0.0)
    )
    # r / (1 + r^2 / 2 + r^4 / 10) is greatest where 1 - r^2 / 2 - 3 r^4 / 10 = 0.
    turning = np.sqrt((-0.5 + np.sqrt(0.25 + 1.2)) / 0.6)
    points = np.array([[turning * part, 0.0, 1.0] for part in (0.99, 1.01)])
    assert project(camera, points).valid.tolist() == [True, False]


def test_the_schema_names_what_cannot_be_projected() -> None:
    point = np.zeros((1, 3))
    with pytest.raises(SchemaError, match="model 'panorama', which cannot be projected"):
        project(plain_camera("panorama"), point)
    with pytest.raises(SchemaError, match="no forward_poly"):
        project(plain_camera("ftheta", center=(0.0, 0.0), forward_poly=(), linear_cde=()), point)
    with pytest.raises(SchemaError, match="4 values of 'distortion'; expected 0 or 5 or 8 or 12"):
        project(plain_camera("pinhole", focal=(1.0, 1.0), center=(0.0, 0.0), distortion=(0.0,) * 4), point)


@pytest.mark.parametrize("camera", MODELS, ids=lambda camera: camera.model)
@given(depth=st.floats(0.2, 500.0))
def test_the_optical_axis_lands_on_the_centre(camera: Camera, depth: float) -> None:
    pixels = project(camera, np.array([[0.0, 0.0, depth]]))
    assert pixels.valid.all()
    np.testing.assert_allclose(pixels.value, [[80.0, 60.0]], atol=1e-9)


@pytest.mark.parametrize("camera", MODELS, ids=lambda camera: camera.model)
@given(x=st.floats(-0.6, 0.6), y=st.floats(-0.6, 0.6), stretch=st.floats(1.0, 100.0))
def test_all_points_of_a_ray_land_on_one_pixel(camera: Camera, x: float, y: float, stretch: float) -> None:
    ray = np.array([[x, y, 1.0]])
    np.testing.assert_allclose(project(camera, ray).value, project(camera, ray * stretch).value, atol=1e-6)


@pytest.mark.parametrize("camera", MODELS, ids=lambda camera: camera.model)
@given(x=st.floats(0.01, 0.6), y=st.floats(0.01, 0.6))
def test_right_is_right_and_down_is_down(camera: Camera, x: float, y: float) -> None:
    u, v = project(camera, np.array([[x, y, 1.0]])).value[0]
    assert u > 80.0 and v > 60.0


def test_a_point_to_the_left_of_the_ego_lies_left_in_the_picture(make_camera: MakeCamera) -> None:
    rig = Rig(source_from_ego=PINHOLE.ego_from_camera, cameras=(make_camera("front"),))
    points = in_camera(camera_from_ego(rig, "front"), np.array([[10.0, 2.0, 1.5], [10.0, 0.0, 0.5]]))
    np.testing.assert_allclose(project(rig.camera("front"), points).value, [[60.0, 60.0], [80.0, 70.0]], atol=1e-9)


def test_a_view_carries_its_cameras_along(make_camera: MakeCamera) -> None:
    # The view stands 1 m to the left of the ego, so what lies 1 m to the left lies straight ahead of its camera.
    shift = tuple(tuple(float(v) for v in row) for row in translation(0.0, -1.0))
    rig = Rig(
        source_from_ego=PINHOLE.ego_from_camera,
        cameras=(make_camera("front"),),
        views=(View(name="shifted", view_from_ego=shift),),
    )
    point = in_camera(camera_from_ego(rig, "front", view="shifted"), np.array([[10.0, 1.0, 1.5]]))
    np.testing.assert_allclose(point, [[0.0, 0.0, 10.0]], atol=1e-12)


def test_a_segment_is_cut_at_the_near_plane_before_it_is_projected() -> None:
    segments = np.array([[[1.0, 0.0, -1.0], [1.0, 0.0, 1.0]], [[0.0, 0.0, -2.0], [0.0, 0.0, -1.0]]])
    curves = project_segments(PINHOLE, segments)
    assert curves.valid.all(axis=1).tolist() == [True, False]
    np.testing.assert_allclose(curves.pixels[0], [[80.0 + 100.0 / NEAR_M, 60.0], [180.0, 60.0]])


def test_a_distorting_camera_bends_a_straight_segment() -> None:
    segment = np.array([[[-0.6, -0.5, 1.0], [0.6, -0.5, 1.0]]])
    straight, bent = project_segments(PINHOLE, segment).pixels[0], project_segments(DISTORTED, segment).pixels[0]
    assert len(straight) == 2
    middle, ends = bent[len(bent) // 2, 1], bent[[0, -1], 1].mean()
    assert abs(middle - ends) > 1.0


def test_no_points_give_no_pixels() -> None:
    for camera in MODELS:
        assert project(camera, np.zeros((0, 3))).value.shape == (0, 2)
        assert len(project_segments(camera, np.zeros((0, 2, 3))).pixels) == 0
