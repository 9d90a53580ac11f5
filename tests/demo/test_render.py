"""Pictures agree with geometry: what is projected lands on its own pixels, at its own depth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lead_xb.demo.actors import Actor
from lead_xb.demo.camera import CameraPose
from lead_xb.demo.drive import Drive, make_drive
from lead_xb.demo.native_carla import CAMERAS, Perturbation, camera_model, camera_pose, ego_transforms
from lead_xb.demo.native_nuplan import CAMERA_MODEL
from lead_xb.demo.native_nuplan import CAMERAS as NUPLAN_CAMERAS
from lead_xb.demo.native_nuplan import camera_pose as nuplan_pose
from lead_xb.demo.ordering import painting_order
from lead_xb.demo.render import Painter, Picture
from lead_xb.demo.scenery import Label
from lead_xb.demo.sheet import View

VIEW = View(camera_model())


@pytest.fixture(scope="module")
def drive() -> Drive:
    return make_drive(duration_s=6.0)


@pytest.fixture(scope="module")
def painter(drive: Drive) -> Painter:
    return Painter(drive)


def look(drive: Drive, painter: Painter, *, tick: int, camera: int) -> tuple[Picture, CameraPose]:
    pose = camera_pose(ego_transforms(drive.ego)[tick], CAMERAS[camera], perturbation=Perturbation())
    return painter.paint(VIEW, pose, tick=tick, labels=True), pose


def box_in_view(actor: Actor, pose: CameraPose, tick: int) -> np.ndarray | None:
    """Pixels of the eight corners, or None if the box is not wholly in front and inside the picture."""
    corners = pose.to_camera(actor.corners_m(tick))
    if (corners[:, 2] < 1.0).any():
        return None
    pixels = VIEW.model.to_pixels(corners[:, :2] / corners[:, 2:])
    inside = (pixels > 2.0).all() and (pixels < VIEW.model.width - 3.0).all()
    return pixels if inside else None


@pytest.mark.parametrize("tick", [0, 60, 120])
@pytest.mark.parametrize("camera", [1, 2, 3])
def test_every_pixel_of_an_actor_lies_inside_its_projected_box(
    drive: Drive, painter: Painter, *, tick: int, camera: int
) -> None:
    picture, pose = look(drive, painter, tick=tick, camera=camera)
    assert picture.numbers is not None
    for actor in drive.actors:
        pixels = box_in_view(actor, pose, tick)
        rows, columns = np.nonzero(picture.numbers == actor.actor_id)
        if pixels is None or len(rows) == 0:
            continue
        (left, top), (right, bottom) = pixels.min(axis=0) - 1.5, pixels.max(axis=0) + 1.5
        assert left <= columns.min() and columns.max() <= right, actor
        assert top <= rows.min() and rows.max() <= bottom, actor


def test_the_middle_of_an_unoccluded_car_shows_that_car_at_its_depth(drive: Drive, painter: Painter) -> None:
    picture, pose = look(drive, painter, tick=60, camera=2)
    assert picture.numbers is not None and picture.depth_m is not None and picture.labels is not None
    lead = drive.actors[0]
    centre = pose.to_camera(lead.centre_m(60)[None])
    column, row = np.rint(VIEW.model.to_pixels(centre[:, :2] / centre[:, 2:])[0]).astype(int)
    assert picture.numbers[row, column] == lead.actor_id
    assert picture.labels[row, column] == Label.VEHICLE
    behind = float(centre[0, 2]) - picture.depth_m[row, column]
    assert 0.2 * lead.size_m[0] < behind < 0.6 * lead.size_m[0]


def test_a_filled_car_covers_most_of_its_box(drive: Drive, painter: Painter) -> None:
    picture, pose = look(drive, painter, tick=60, camera=2)
    assert picture.numbers is not None
    pixels = box_in_view(drive.actors[0], pose, 60)
    assert pixels is not None
    outline = cv2.convexHull(np.asarray(np.rint(pixels)).astype(np.int32))
    mask = cv2.fillConvexPoly(np.zeros(picture.numbers.shape, np.uint8), outline, 1)
    assert ((picture.numbers == drive.actors[0].actor_id) & (mask == 1)).sum() > 0.7 * mask.sum()


def test_depth_of_the_road_lies_on_the_terrain(drive: Drive, painter: Painter) -> None:
    picture, pose = look(drive, painter, tick=0, camera=2)
    assert picture.labels is not None and picture.depth_m is not None and VIEW.fine is not None
    road = np.isin(picture.labels, [Label.ROAD, Label.ROAD_LINE]) & (picture.depth_m < 25.0)
    assert road.sum() > 10_000
    depth = picture.depth_m[road][:, None]
    local = np.concatenate([VIEW.fine[road] * depth, depth], axis=1)
    world = pose.position_m + local @ pose.world_from_camera.T
    error = world[:, 2] - drive.terrain.height(world[:, :2])
    assert np.quantile(np.abs(error), 0.95) < 0.05


def test_the_sky_is_infinitely_far_and_above(drive: Drive, painter: Painter) -> None:
    picture, _ = look(drive, painter, tick=0, camera=2)
    assert picture.depth_m is not None
    assert np.isinf(picture.depth_m[:20]).all()
    assert np.isfinite(picture.depth_m[-20:]).all()


def test_a_long_house_is_painted_over_the_car_behind_it_even_if_its_middle_is_farther(painter: Painter) -> None:
    car, house = (next(t for t in painter.scenery.at(0) if t.number == number) for number in (101, 0))
    level = np.eye(3)
    house = replace(house, position_m=np.array([10.0, 12.0, 0.0]), rotation=level, size_m=(4.0, 30.0, 6.0))
    car = replace(car, position_m=np.array([15.0, 0.0, 0.0]), rotation=level)
    eye = np.array([0.0, 0.0, 2.0])
    assert np.linalg.norm(car.position_m - eye) < np.linalg.norm(house.position_m - eye)
    assert painting_order((car, house), eye) == [0, 1]
    assert painting_order((house, car), eye) == [1, 0]


def test_of_two_things_side_by_side_the_nearer_is_painted_last(painter: Painter) -> None:
    car = next(thing for thing in painter.scenery.at(0) if thing.number == 101)
    near, far = (
        replace(car, position_m=np.array([x, y, 0.0]), rotation=np.eye(3)) for x, y in ((10.0, 5.0), (20.0, -5.0))
    )
    eye = np.array([0.0, 0.0, 2.0])
    assert painting_order((near, far), eye) == [1, 0]
    assert painting_order((), eye) == []


def test_labels_need_a_pinhole(drive: Drive, painter: Painter) -> None:
    pose = nuplan_pose(
        NUPLAN_CAMERAS["CAM_F0"], ego_rotation=drive.ego.rotation[0], ego_position_m=drive.ego.position_m[0]
    )
    with pytest.raises(ValueError, match="without distortion"):
        painter.paint(View(CAMERA_MODEL), pose, tick=0, labels=True)


def test_a_distorted_picture_shows_the_tail_lights_where_they_are(drive: Drive, painter: Painter) -> None:
    tick, lead = 60, drive.actors[0]
    pose = nuplan_pose(
        NUPLAN_CAMERAS["CAM_F0"], ego_rotation=drive.ego.rotation[tick], ego_position_m=drive.ego.position_m[tick]
    )
    picture = painter.paint(View(CAMERA_MODEL), pose, tick=tick)
    length, width, height = lead.size_m
    for side in (-0.35, 0.35):
        lamp = np.array([-0.5 * length, side * width, 0.45 * height])
        local = pose.to_camera((lead.track.position_m[tick] + lead.track.rotation[tick] @ lamp)[None])
        pixel, _ = cv2.projectPoints(
            local, np.zeros(3), np.zeros(3), CAMERA_MODEL.intrinsics, np.asarray(CAMERA_MODEL.distortion)
        )
        column, row = np.rint(pixel.reshape(2)).astype(int)
        red, green, blue = picture.rgb[row, column].tolist()
        assert red > 180 and green < 70 and blue < 70
