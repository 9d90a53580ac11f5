"""What belongs to a row: its own tracks first, else what its neighbours know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.scene import Scene
from lead_xb.viz.overlay import on_ground, overlay_of
from lead_xb.viz.palette import CATEGORY, LIGHT

MakeScene = Callable[..., Scene]
BoxAt = Callable[..., dict[str, Any]]


def test_future_and_past_come_from_the_poses_of_other_rows(make_scene: MakeScene) -> None:
    overlay = overlay_of(make_scene(rows=4), 1)
    np.testing.assert_allclose(overlay.future, [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(overlay.past, [[0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], atol=1e-12)


def test_poses_are_taken_into_the_frame_of_the_row(make_scene: MakeScene) -> None:
    def facing_left(index: int, row: dict[str, Any]) -> None:
        half = np.sqrt(0.5)
        row["ego.pose"] = np.array([7.0, 2.0 + index, 0.0, half, 0.0, 0.0, half])

    np.testing.assert_allclose(overlay_of(make_scene(edit=facing_left), 0).future[:, 0], [0.0, 1.0, 2.0], atol=1e-12)


def test_a_track_of_the_row_itself_comes_first_and_ends_where_it_is_not_valid(make_scene: MakeScene) -> None:
    def own(index: int, row: dict[str, Any]) -> None:
        row["ego_future.position"] = np.array([[0.0, 0.0], [0.5, 0.1], [1.0, 0.2]])
        row["ego_future.height"] = np.array([0.0, 0.3, 0.6])
        row["ego_future.valid"] = [True, True, False]

    np.testing.assert_allclose(overlay_of(make_scene(edit=own), 0).future, [[0.0, 0.0, 0.0], [0.5, 0.1, 0.3]])


def test_the_way_over_rows_ends_at_the_first_row_without_ego(make_scene: MakeScene) -> None:
    def gap(index: int, row: dict[str, Any]) -> None:
        if index == 2:
            row["ego.pose"] = None

    assert len(overlay_of(make_scene(rows=5, edit=gap), 0).future) == 2


def test_a_row_without_ego_has_no_way_and_no_targets(make_scene: MakeScene) -> None:
    targets = np.zeros((3, 3))
    scene = make_scene(edit=lambda index, row: row.update({"ego.pose": None, "navigation.target_points": targets}))
    overlay = overlay_of(scene, 0)
    assert len(overlay.future) == len(overlay.past) == len(overlay.targets) == 0


def test_target_points_leave_out_the_one_that_was_reached(make_scene: MakeScene) -> None:
    targets = np.array([[0.0, 0.0, 0.0], [11.0, 3.0, 0.0], [21.0, 3.0, 0.0]])
    scene = make_scene(edit=lambda index, row: row.update({"navigation.target_points": targets}))
    np.testing.assert_allclose(overlay_of(scene, 1).targets, [[10.0, 3.0, 0.0], [20.0, 3.0, 0.0]], atol=1e-12)


def test_boxes_leave_out_the_ego_and_keep_their_order(make_scene: MakeScene, box_at: BoxAt) -> None:
    boxes = (box_at(5.0, 0.0), box_at(0.0, 0.0, category=int(Category.EGO)), box_at(9.0, 1.0))
    drawn = overlay_of(make_scene(boxes=boxes), 0).boxes
    assert drawn is not None
    np.testing.assert_allclose(drawn.center[:, 0], [5.0, 9.0])


def test_corners_start_at_the_front_left_and_turn_with_the_full_rotation(make_scene: MakeScene, box_at: BoxAt) -> None:
    half = np.sqrt(0.5)
    nose_up = np.array([half, 0.0, -half, 0.0])  # x forward becomes up
    drawn = overlay_of(make_scene(boxes=(box_at(10.0, 0.0), box_at(10.0, 0.0, rotation=nose_up))), 0).boxes
    assert drawn is not None
    np.testing.assert_allclose(drawn.corners[0, 0], [12.0, 1.0, 0.0])
    np.testing.assert_allclose(drawn.corners[1, 0], [10.75, 1.0, 2.75], atol=1e-12)


def test_corners_turn_counter_clockwise_with_the_yaw(make_scene: MakeScene, box_at: BoxAt) -> None:
    drawn = overlay_of(make_scene(boxes=(box_at(10.0, 0.0, yaw=0.5),)), 0).boxes
    assert drawn is not None
    cos, sin = np.cos(0.5), np.sin(0.5)
    np.testing.assert_allclose(drawn.corners[0, 0], [10.0 + 2.0 * cos - sin, 2.0 * sin + cos, 0.0])
    np.testing.assert_allclose(drawn.corners[0, 1], [10.0 + 2.0 * cos + sin, 2.0 * sin - cos, 0.0])


def test_boxes_that_no_sensor_saw_are_faint(make_scene: MakeScene, box_at: BoxAt) -> None:
    unseen = {"num_lidar_points": 0, "visible_pixels": 0}
    boxes = (box_at(5.0, 0.0), box_at(6.0, 0.0, **unseen), box_at(7.0, 0.0, num_lidar_points=0, visible_pixels=9))
    drawn = overlay_of(make_scene(boxes=boxes), 0).boxes
    assert drawn is not None and drawn.hidden.tolist() == [False, True, False]
    assert drawn.colours[0] == drawn.colours[2] == CATEGORY[Category.VEHICLE] != drawn.colours[1]


def test_a_traffic_light_has_the_colour_of_its_state(make_scene: MakeScene, box_at: BoxAt) -> None:
    light = int(Category.TRAFFIC_LIGHT)
    boxes = (box_at(5.0, 0.0, category=light, state="Red"), box_at(5.0, 3.0, category=light, state="Green"))
    drawn = overlay_of(make_scene(boxes=boxes), 0).boxes
    assert drawn is not None and drawn.colours == (LIGHT[LightState.RED], LIGHT[LightState.GREEN])


def test_a_route_takes_the_height_of_the_way_below_it() -> None:
    ground = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 1.0]])
    np.testing.assert_allclose(on_ground(np.array([[1.0, 0.0], [30.0, 2.0]]), ground)[:, 2], [0.0, 1.0])
    np.testing.assert_allclose(on_ground(np.array([[1.0, 0.0]]), np.zeros((0, 3))), [[1.0, 0.0, 0.0]])


def test_sensors_that_did_not_fire_give_no_points(
    make_scene: MakeScene, cloud_of: Callable[..., dict[str, Any]]
) -> None:
    overlay = overlay_of(make_scene(), 0)
    assert overlay.lidar is None and overlay.radar == []
    fired = make_scene(edit=lambda index, row: row.update({"lidar.top": cloud_of([(1.0, 2.0, 3.0)])}), name="fired")
    points = overlay_of(fired, 0).lidar
    assert points is not None and points.tolist() == [[1.0, 2.0, 3.0]]


def test_an_unknown_row_is_refused(make_scene: MakeScene) -> None:
    with pytest.raises(IndexError, match="rows 0 to 2, not 7"):
        overlay_of(make_scene(), 7)
