"""Both platforms' files describe one world: poses, boxes, velocities, cameras and maps agree."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyproj
import pytest
import shapely
from scipy.spatial.transform import Rotation

from lead_xb.demo.drive import Drive, make_drive
from lead_xb.demo.lead_boxes import LeadBoxes
from lead_xb.demo.lead_hdmap import draw_hdmap
from lead_xb.demo.lead_metas import LeadMetas
from lead_xb.demo.lead_sensors import LeadSensors
from lead_xb.demo.native_carla import Perturbation, Transform, ego_transforms
from lead_xb.demo.native_nuplan import PROJECTION, TICKS_PER_FRAME, UTM_OFFSET_M
from lead_xb.demo.navsim_log import log_frames, track_token
from lead_xb.demo.navsim_map import write_maps
from lead_xb.demo.render import Painter

MIRROR = np.array([1.0, -1.0, 1.0])
FRAMES = [0, 6, 13, 20]


class Both:
    """The same drive in both platforms' records."""

    def __init__(self) -> None:
        self.drive: Drive = make_drive()
        self.ego: tuple[Transform, ...] = ego_transforms(self.drive.ego)
        self.metas = LeadMetas(self.drive, self.ego, perturbation=Perturbation(0.5, 4.0))
        self.boxes = LeadBoxes(self.drive, self.ego, sensors=LeadSensors(self.drive, Painter(self.drive), ego=self.ego))
        self.frames: list[dict[str, Any]] = log_frames(self.drive)

    def meta(self, frame: int) -> dict[str, Any]:
        """LEAD's meta of a NAVSIM frame."""
        return self.metas.at(frame * TICKS_PER_FRAME)

    def lead_boxes(self, frame: int) -> dict[str, dict[str, Any]]:
        """LEAD's boxes of a NAVSIM frame by NAVSIM track token."""
        parked = next(k for k in self.drive.actors if k.actor_id == 112)
        boxes: list[dict[str, Any]] = self.boxes.at(frame * TICKS_PER_FRAME, {})
        ids = {100_000_000: parked.actor_id}
        actors = {actor.actor_id for actor in self.drive.actors}
        numbered = [(ids.get(box["id"], box["id"]), box) for box in boxes]
        return {track_token(self.drive, number): box for number, box in numbered if number in actors}


@pytest.fixture(scope="module")
def both() -> Both:
    return Both()


@pytest.mark.parametrize("frame", FRAMES)
def test_the_rear_axle_is_at_the_same_place_with_the_same_attitude(both: Both, frame: int) -> None:
    matrix = both.meta(frame)["ego_matrix"].astype(np.float64)
    axle = (matrix @ np.array([-1.389, 0.0, 0.0, 1.0]))[:3] * MIRROR
    navsim = both.frames[frame]
    np.testing.assert_allclose(axle + UTM_OFFSET_M, navsim["ego2global_translation"], atol=1e-5)
    w, x, y, z = navsim["ego2global_rotation"]
    rotation = Rotation.from_quat([x, y, z, w]).as_matrix()
    np.testing.assert_allclose(np.diag(MIRROR) @ matrix[:3, :3] @ np.diag(MIRROR), rotation, atol=1e-6)
    np.testing.assert_allclose(navsim["ego2global"][:3, :3], rotation, atol=1e-12)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_speed_is_the_same(both: Both, frame: int) -> None:
    assert both.meta(frame)["speed"] == pytest.approx(both.frames[frame]["ego_dynamic_state"][0], abs=1e-9)


@pytest.mark.parametrize("frame", FRAMES)
def test_box_corners_are_at_the_same_places_in_the_world(both: Both, frame: int) -> None:
    annotations = both.frames[frame]["anns"]
    lead = both.lead_boxes(frame)
    w, x, y, z = both.frames[frame]["ego2global_rotation"]
    ego = Rotation.from_quat([x, y, z, w]).as_matrix()
    ego_yaw = np.arctan2(ego[1, 0], ego[0, 0])
    assert len(annotations["track_tokens"]) >= 8
    for token, row in zip(annotations["track_tokens"], annotations["gt_boxes"], strict=True):
        box = lead[token]
        half = np.array(box["extent"])
        np.testing.assert_allclose(2.0 * half, row[3:6], atol=1e-6)
        matrix = np.array(box["matrix"])
        lift = 0.0 if box["class"] == "static_prop_car" else half[2]
        centre = (matrix @ np.array([0.0, 0.0, lift, 1.0]))[:3] * MIRROR + UTM_OFFSET_M
        navsim_centre = ego @ row[:3] + both.frames[frame]["ego2global_translation"]
        np.testing.assert_allclose(centre, navsim_centre, atol=1e-4)
        # NAVSIM keeps the heading only, so the tilt of the box is what may differ.
        yaw = -np.arctan2(matrix[1, 0], matrix[0, 0])
        assert np.cos(yaw - (row[6] + ego_yaw)) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("frame", FRAMES)
def test_box_velocities_agree(both: Both, frame: int) -> None:
    annotations = both.frames[frame]["anns"]
    lead = both.lead_boxes(frame)
    for token, velocity in zip(annotations["track_tokens"], annotations["gt_velocity_3d"], strict=True):
        if "ego_velocity" in lead[token]:
            forward, right = lead[token]["ego_velocity"]
            # LEAD turns by the yaw alone, NAVSIM by the whole rotation; the slope is below 6 degrees.
            np.testing.assert_allclose(
                [forward, -right], velocity[:2], atol=0.01 * float(np.linalg.norm(velocity)) + 1e-9
            )


def test_lead_s_future_is_navsim_s_next_frames(both: Both) -> None:
    frame = 4
    future = both.meta(frame)["future_positions"].astype(np.float64)
    matrix = both.meta(frame)["ego_matrix"].astype(np.float64)
    for ahead in (1, 2, 5):
        actor = (matrix @ np.append(future[ahead * TICKS_PER_FRAME], 1.0))[:3] * MIRROR + UTM_OFFSET_M
        later = both.frames[frame + ahead]
        expected = later["ego2global"] @ np.array([1.389, 0.0, 0.0, 1.0])
        np.testing.assert_allclose(actor, expected[:3], atol=1e-4)


def navsim_yaw(frame: dict[str, Any]) -> float:
    """Heading of the ego in the NAVSIM world, counter-clockwise."""
    return float(np.arctan2(frame["ego2global"][1, 0], frame["ego2global"][0, 0]))


def test_past_and_future_yaws_turn_right_where_navsim_s_heading_falls(both: Both) -> None:
    frame = 14
    meta, now = both.meta(frame), navsim_yaw(both.frames[frame])
    for steps in (1, 3):
        coming, gone = (navsim_yaw(both.frames[frame + sign * steps]) for sign in (1, -1))
        assert meta["future_yaws"][steps * TICKS_PER_FRAME] == pytest.approx(now - coming, abs=1e-5)
        assert meta["past_yaws"][steps * TICKS_PER_FRAME] == pytest.approx(now - gone, abs=1e-5)
    assert meta["future_yaws"][10] > 0.1


def test_the_future_of_a_box_is_where_navsim_finds_it_later(both: Both) -> None:
    frame, ahead = 3, 2
    later, matrix = both.frames[frame + ahead], both.meta(frame)["ego_matrix"].astype(np.float64)
    boxes, checked = both.lead_boxes(frame), 0
    for token, row in zip(later["anns"]["track_tokens"], later["anns"]["gt_boxes"], strict=True):
        box = boxes[token]
        if "future_positions" not in box:
            continue
        # NAVSIM's box at its bottom, seen from LEAD's ego of the earlier instant.
        centre = (later["ego2global"] @ np.append(row[:3], 1.0))[:3] - UTM_OFFSET_M
        local = (centre * MIRROR - matrix[:3, 3]) @ matrix[:3, :3]
        stored = box["future_positions"][ahead * TICKS_PER_FRAME].astype(np.float64)
        np.testing.assert_allclose(stored, local[:2], atol=0.2)
        yaw = navsim_yaw(both.frames[frame]) - (row[6] + navsim_yaw(later))
        assert np.cos(float(box["future_yaws"][ahead * TICKS_PER_FRAME]) - yaw) == pytest.approx(1.0, abs=1e-4)
        checked += bool(np.linalg.norm(np.array(box["ego_velocity"])) > 1.0)
    assert checked >= 4


def test_the_light_s_box_stands_at_the_end_of_the_ego_s_lane_and_looks_along_it(both: Both) -> None:
    boxes: list[dict[str, Any]] = both.boxes.at(0, {})
    lights = [box for box in boxes if box["class"] == "traffic_light"]
    assert sorted(box["same_lane_as_ego"] for box in lights) == [False, True]
    own = next(box for box in lights if box["same_lane_as_ego"])
    lane = both.drive.network.lane(both.drive.route.lanes[0])
    matrix = both.meta(0)["ego_matrix"].astype(np.float64)
    world = (matrix @ np.append(own["position"], 1.0))[:3] * MIRROR
    np.testing.assert_allclose(world, both.drive.terrain.lift(lane.centre[-1]), atol=1e-4)
    along = lane.centre[-1] - lane.centre[-2]
    heading = np.arctan2(along[1], along[0])
    assert own["yaw"] == pytest.approx(navsim_yaw(both.frames[0]) - heading, abs=1e-6)


def test_no_light_is_left_once_the_stop_line_is_behind(both: Both) -> None:
    boxes: list[dict[str, Any]] = both.boxes.at(160, {})
    assert not [box for box in boxes if box["class"] == "traffic_light"]


def test_the_past_is_newest_first_and_behind(both: Both) -> None:
    past = both.meta(10)["privileged_past_positions"]
    np.testing.assert_allclose(past[0], 0.0, atol=1e-6)
    assert (np.diff(past[:, 0]) < 0.0).all()


def test_the_route_runs_through_the_future_positions(both: Both) -> None:
    meta = both.meta(2)
    route, future = meta["route"].astype(np.float64), meta["future_positions"][40].astype(np.float64)
    assert np.linalg.norm(route - future[:2], axis=1).min() < 0.7


@pytest.mark.parametrize("frame", [0, 12, 20])
@pytest.mark.parametrize("perturbation", [Perturbation(), Perturbation(0.7, -9.0)])
def test_lead_s_raster_is_the_navsim_map_within_a_pixel(
    both: Both, tmp_path: Path, *, frame: int, perturbation: Perturbation
) -> None:
    write_maps(both.drive.network, tmp_path)
    transform = both.ego[frame * TICKS_PER_FRAME]
    ours = draw_hdmap(both.drive.network, transform, perturbation=perturbation) > 0
    pose = transform.matrix() @ perturbation.matrix()
    origin, heading = pose[:2, 3] * MIRROR[:2], -np.arctan2(pose[1, 0], pose[0, 0])
    theirs = np.zeros((256, 256), np.uint8)
    for ring in _utm_rings(next(tmp_path.glob("us-ma-boston/*/map.gpkg"))):
        dx, dy = (ring - UTM_OFFSET_M[:2] - origin).T
        forward = np.cos(heading) * dx + np.sin(heading) * dy
        left = -np.sin(heading) * dx + np.cos(heading) * dy
        pixels = np.stack([128.0 + 2.0 * forward, 128.0 - 2.0 * left], axis=1)
        cv2.fillPoly(theirs, [np.asarray(np.rint(256.0 * pixels)).astype(np.int32)], 1, shift=8)
    ring_wide = np.ones((3, 3), np.uint8)
    assert not (ours & (cv2.dilate(theirs, ring_wide) == 0)).any()
    assert not ((theirs == 1) & (cv2.dilate(ours.astype(np.uint8), ring_wide) == 0)).any()
    assert (theirs == 1).mean() > 0.05


def _utm_rings(path: Path) -> list[np.ndarray]:
    """Areas that NAVSIM counts as road, in UTM metres."""
    to_utm = pyproj.Transformer.from_crs("EPSG:4326", PROJECTION, always_xy=True)
    rings = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for table in ("lanes_polygons", "gen_lane_connectors_scaled_width_polygons", "intersections"):
            for (blob,) in connection.execute(f"SELECT geom FROM {table}"):
                ring = shapely.get_coordinates(shapely.from_wkb(blob[40:]))
                rings.append(np.stack(to_utm.transform(ring[:, 0], ring[:, 1]), axis=1))
    return rings
