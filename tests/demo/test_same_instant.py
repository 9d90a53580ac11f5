"""One drive, recorded by two platforms and converted: both stores must tell the same story.

This is the test that catches frame mistakes: the native writers know nothing of `store/frames.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import shapely

from lead_xb.demo.native_nuplan import UTM_OFFSET_M
from lead_xb.demo.run import same_instants
from lead_xb.schemas.boxes import Category
from lead_xb.schemas.map import Layer
from lead_xb.schemas.rig import Camera
from lead_xb.store import frames
from lead_xb.store.boxes import Boxes
from lead_xb.store.frame import Frame
from lead_xb.store.scene import Scene
from lead_xb.viz.project import project

Scenes = tuple[Scene, Scene]
NOT_ACTORS = (Category.EGO, Category.TRAFFIC_LIGHT, Category.STOP_SIGN)
SEMANTIC_VEHICLE = 1
RECORDED_RANGE_M = 80.0


def instants(scenes: Scenes) -> Iterator[tuple[Frame, Frame]]:
    """Frames of the CARLA and the NAVSIM scene that record the same instant."""
    carla, navsim = scenes
    for left, right in same_instants(carla, navsim):
        yield carla.frame(left), navsim.frame(right)


def world_pose(frame: Frame) -> np.ndarray:
    """world_from_ego in the drive's own world; NAVSIM's is moved by a known offset."""
    pose = frame.world_from_ego
    assert pose is not None
    moved = pose.copy()
    if frame.meta.source == "navsim":
        moved[:3, 3] -= UTM_OFFSET_M
    return moved


def actors(frame: Frame) -> tuple[Boxes, np.ndarray]:
    """Boxes, and the indices of those that are actors in range."""
    boxes = frame.boxes
    assert boxes is not None
    kept = ~np.isin(boxes.category, [int(c) for c in NOT_ACTORS])
    return boxes, np.flatnonzero(kept & (np.linalg.norm(boxes.center[:, :2], axis=1) < RECORDED_RANGE_M))


def matched(left: Frame, right: Frame) -> tuple[Boxes, np.ndarray, Boxes, np.ndarray]:
    """Boxes of both frames, paired by place; every NAVSIM box has its CARLA box."""
    carla, candidates = actors(left)
    navsim, chosen = actors(right)
    distance = np.linalg.norm(navsim.center[chosen][:, None] - carla.center[candidates][None], axis=-1)
    nearest = distance.argmin(axis=1)
    assert len(set(nearest)) == len(chosen) >= 5
    return carla, candidates[nearest], navsim, chosen


def test_the_instants_are_shared(scenes: Scenes) -> None:
    pairs = list(instants(scenes))
    assert len(pairs) == len(scenes[1]) >= 5


def test_ego_poses_agree_with_pitch_and_roll(scenes: Scenes) -> None:
    tilted = 0.0
    for left, right in instants(scenes):
        np.testing.assert_allclose(world_pose(left), world_pose(right), atol=1e-4)
        tilted = max(tilted, abs(world_pose(left)[2, 0]))
    assert tilted > 0.01, "the drive should climb"


def test_speeds_agree(scenes: Scenes) -> None:
    for left, right in instants(scenes):
        assert left["ego.speed"] == pytest.approx(right["ego.speed"], abs=1e-3)


def test_boxes_agree_in_place_size_yaw_and_kind(scenes: Scenes) -> None:
    for left, right in instants(scenes):
        carla, i, navsim, j = matched(left, right)
        np.testing.assert_allclose(carla.center[i], navsim.center[j], atol=0.02)
        np.testing.assert_allclose(carla.size[i], navsim.size[j], atol=1e-3)
        turned = np.angle(np.exp(1j * (carla.yaw[i] - navsim.yaw[j])))
        np.testing.assert_allclose(turned, 0.0, atol=0.01)
        parked = {int(Category.PARKED_VEHICLE): int(Category.VEHICLE)}
        kinds = [parked.get(int(c), int(c)) for c in carla.category[i]]
        assert kinds == [int(c) for c in navsim.category[j]]


def test_box_velocities_agree(scenes: Scenes) -> None:
    moving = 0
    for left, right in instants(scenes):
        carla, i, navsim, j = matched(left, right)
        ours, theirs = carla.column("velocity"), navsim.column("velocity")
        known = ours.valid[i]
        # CARLA's velocity is turned by the ego's yaw only, NAVSIM's by the full rotation: 5 degrees make 0.4 %.
        np.testing.assert_allclose(ours.value[i][known], theirs.value[j][known], atol=0.08)
        moving += int((np.linalg.norm(theirs.value[j], axis=1) > 1.0).sum())
    assert moving > 5


def pixels_of(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Ego-frame points that lie 5 m or more ahead of a camera -> pixels of the camera; NaN for the others."""
    in_camera = frames.transform_points(frames.invert(np.array(camera.ego_from_camera)), points)
    projected = project(camera, in_camera)
    return np.where((projected.valid & (in_camera[:, 2] > 5.0))[:, None], projected.value, np.nan)


def test_a_car_of_one_store_lands_on_the_same_pixels_through_the_other_rig(scenes: Scenes) -> None:
    compared = 0
    for left, right in instants(scenes):
        carla, i, navsim, j = matched(left, right)
        carla_from_navsim = frames.invert(world_pose(left)) @ world_pose(right)
        moved = frames.transform_points(carla_from_navsim, navsim.center[j])
        for camera in left.rig.cameras:
            ours, theirs = pixels_of(camera, carla.center[i]), pixels_of(camera, moved)
            np.testing.assert_allclose(ours, theirs, atol=1.5)
            compared += int(np.isfinite(ours[:, 0]).sum())
    assert compared > 20


def test_projected_vehicles_land_on_vehicle_pixels(scenes: Scenes) -> None:
    """The semantic image knows where the cars are; it was drawn without any box."""
    hits = total = 0
    for left, _ in instants(scenes):
        boxes, chosen = actors(left)
        seen = boxes.column("visible_pixels")
        codes = left.codes("semantic.strip")
        assert codes is not None
        for camera in left.rig.cameras:
            x, y, width, height = camera.crops["semantic.strip"]
            for index in chosen:
                if boxes.category[index] != Category.VEHICLE or not seen.valid[index] or seen.value[index] < 150:
                    continue
                u, v = pixels_of(camera, boxes.center[index][None])[0]
                if 2 <= u < width - 2 and 2 <= v < height - 2:
                    total += 1
                    hits += codes[y + int(v), x + int(u)] == SEMANTIC_VEHICLE
    assert total >= 5 and hits / total > 0.9


def test_the_navsim_map_equals_the_carla_raster_within_one_pixel(scenes: Scenes) -> None:
    carla, navsim = scenes
    road_map = navsim.map
    assert road_map is not None
    for left, right in instants(scenes):
        raster = left.codes("bev_map.hdmap")
        assert raster is not None
        pixel_from_ego = np.array(carla.meta.rig.payload("bev_map.hdmap").pixel_from_ego)
        drawn = np.zeros(raster.shape, np.uint8)
        ego_from_world = frames.invert(world_pose(right))
        for layer in (Layer.LANE, Layer.LANE_CONNECTOR_POLYGON, Layer.INTERSECTION):
            for element in road_map.elements(layer):
                ring = np.array(shapely.get_coordinates(element.geometry.exterior)) - UTM_OFFSET_M[:2]
                # The raster is flat: points are taken to the ego by its yaw, as LEAD's renderer does.
                flat = _flat(ego_from_world, ring)
                pixels = flat @ pixel_from_ego[:, :2].T + pixel_from_ego[:, 2]
                cv2.fillPoly(drawn, [np.round(pixels).astype(np.int32)], 1)
        road = (raster > 0).astype(np.uint8)
        cross = np.ones((3, 3), np.uint8)
        assert road.sum() > 2000
        assert not np.any((road > 0) & (cv2.dilate(drawn, cross) == 0)), "road that the NAVSIM map does not have"
        assert not np.any((drawn > 0) & (cv2.dilate(road, cross) == 0)), "road that the CARLA raster does not have"


def _flat(ego_from_world: np.ndarray, points: np.ndarray) -> np.ndarray:
    world_from_ego = frames.invert(ego_from_world)
    yaw = float(frames.yaw_of(world_from_ego[:3, :3]))
    cosine, sine = np.cos(yaw), np.sin(yaw)
    delta = points - world_from_ego[:2, 3]
    return np.stack([cosine * delta[:, 0] + sine * delta[:, 1], -sine * delta[:, 0] + cosine * delta[:, 1]], axis=1)
