"""The bird's-eye view: forward is up and left is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lead_xb.schemas.boxes import Category
from lead_xb.store.scene import Scene
from lead_xb.viz.bev import HIGH_M, bev_picture
from lead_xb.viz.overlay import overlay_of
from lead_xb.viz.palette import BACKGROUND, CATEGORY, EGO, FUTURE, MUTED, PAST, ROUTE, TARGET, Colour, height_table
from lead_xb.viz.window import Window

MakeScene = Callable[..., Scene]
BoxAt = Callable[..., dict[str, Any]]

WINDOW = Window.of_size(480, 480, ahead_m=32.0, behind_m=16.0)
"""10 px per m, the ego at column 240 and row 320."""


def at(picture: np.ndarray, colour: Colour) -> np.ndarray:
    """Columns and rows of a colour."""
    return np.argwhere((picture == colour).all(axis=2))[:, ::-1]


def picture_of(scene: Scene, *, row: int = 0, window: Window = WINDOW) -> np.ndarray:
    """The bird's-eye view of a row."""
    return bev_picture(overlay_of(scene, row), window)


def test_a_box_10_m_ahead_and_5_m_to_the_left_lies_up_and_left(make_scene: MakeScene, box_at: BoxAt) -> None:
    pixels = at(picture_of(make_scene(boxes=(box_at(10.0, 5.0),))), CATEGORY[Category.VEHICLE])
    # 4 x 2 m, 10 px per m: columns 240 - 60 to 240 - 40, rows 320 - 120 to 320 - 80.
    np.testing.assert_allclose(pixels.min(axis=0), [180, 200], atol=1.6)
    np.testing.assert_allclose(pixels.max(axis=0), [200, 240], atol=1.6)


def test_a_box_that_turns_left_points_left(make_scene: MakeScene, box_at: BoxAt) -> None:
    pixels = at(picture_of(make_scene(boxes=(box_at(10.0, 0.0, yaw=np.pi / 2),))), CATEGORY[Category.VEHICLE])
    heading = pixels[np.abs(pixels[:, 1] - 220) < 1]
    assert heading[:, 0].min() < 225, "the mark of the heading runs from the middle to the left"
    assert 245 not in heading[:, 0], "and not to the right"


def test_an_arrow_shows_where_a_box_will_be_in_a_second(make_scene: MakeScene, box_at: BoxAt) -> None:
    plain = picture_of(make_scene(boxes=(box_at(10.0, 5.0),)))
    moving = picture_of(make_scene(boxes=(box_at(10.0, 5.0, velocity=np.array([0.0, -8.0])),), name="moving"))
    changed = np.argwhere((plain != moving).any(axis=2))[:, ::-1]
    np.testing.assert_allclose(changed.max(axis=0)[0], 240 - 50 + 80, atol=2)
    assert np.abs(changed[:, 1] - 220).max() < 6


def test_the_future_of_a_box_is_drawn_where_the_source_has_one(make_scene: MakeScene, box_at: BoxAt) -> None:
    future = np.array([[10.0, 5.0], [10.0, 9.0], [10.0, 14.0]])
    plain = picture_of(make_scene(boxes=(box_at(10.0, 5.0),)))
    known = picture_of(make_scene(boxes=(box_at(10.0, 5.0, future_position=future),), name="known"))
    changed = np.argwhere((plain != known).any(axis=2))[:, ::-1]
    np.testing.assert_allclose(changed.min(axis=0)[0], 240 - 140, atol=4)


def test_the_ego_stands_where_the_rig_says(make_scene: MakeScene) -> None:
    pixels = at(picture_of(make_scene()), EGO)
    # Length 4.8 m round 1.4 m ahead of the rear axle, width 2 m.
    np.testing.assert_allclose(pixels.min(axis=0), [230, 320 - 38], atol=2)
    np.testing.assert_allclose(pixels.max(axis=0), [250, 320 + 10], atol=2)


def test_lidar_points_take_the_colour_of_their_height(
    make_scene: MakeScene, cloud_of: Callable[..., dict[str, Any]]
) -> None:
    points = [(20.0, 10.0, -1.0), (20.0, -10.0, HIGH_M + 1.0)]
    picture = picture_of(make_scene(edit=lambda index, row: row.update({"lidar.top": cloud_of(points)})))
    table = height_table()
    assert tuple(picture[320 - 200, 240 - 100]) == tuple(table[0])
    assert tuple(picture[320 - 200, 240 + 100]) == tuple(table[255])


def test_radar_returns_are_marked(make_scene: MakeScene, cloud_of: Callable[..., dict[str, Any]]) -> None:
    radar = cloud_of([(20.0, 10.0, 0.5)], velocity=[0.0])
    plain, seen = make_scene(), make_scene(edit=lambda index, row: row.update({"radar.front": radar}), name="seen")
    pixels = np.argwhere((picture_of(plain) != picture_of(seen)).any(axis=2))[:, ::-1]
    np.testing.assert_allclose(pixels.mean(axis=0), [140, 120], atol=1)


def test_route_future_and_past_have_their_colours(make_scene: MakeScene) -> None:
    route = np.array([[15.0, 0.0], [25.0, 10.0]])
    scene = make_scene(rows=20, edit=lambda index, row: row.update({"navigation.route": route}))
    picture = picture_of(scene, row=4)
    pixels = at(picture, ROUTE)
    np.testing.assert_allclose(pixels.min(axis=0), [240 - 100, 320 - 250], atol=2)
    past = at(picture, PAST)
    np.testing.assert_allclose(past[:, 1].max(), 320 + 40, atol=2)  # 4 m/s for a second
    ahead = picture[320 - 60, 240].astype(int)
    assert np.abs(ahead - (np.array(FUTURE) * 0.7 + np.array(BACKGROUND) * 0.3)).max() < 4


def test_target_points_are_marked_and_far_ones_at_the_edge(make_scene: MakeScene) -> None:
    targets = np.array([[-5.0, 0.0, 0.0], [20.0, 10.0, 0.0], [200.0, 0.0, 0.0]])
    picture = picture_of(make_scene(edit=lambda index, row: row.update({"navigation.target_points": targets})))
    pixels = at(picture, TARGET)
    near = pixels[pixels[:, 1] > 60]
    np.testing.assert_allclose(near.mean(axis=0), [140, 120], atol=1.5)
    far = pixels[pixels[:, 1] < 30]
    assert len(far) and np.abs(far[:, 0] - 240).max() < 40


def test_a_row_that_knows_nothing_still_gives_a_picture(make_scene: MakeScene) -> None:
    def nothing(index: int, row: dict[str, Any]) -> None:
        row.update({"ego.pose": None, "ego.speed": None, "boxes": None})

    picture = picture_of(make_scene(edit=nothing))
    assert picture.shape == (480, 480, 3)
    assert len(at(picture, EGO))


def test_the_scale_bar_is_10_m_long(make_scene: MakeScene) -> None:
    pixels = at(picture_of(make_scene()), MUTED)
    bar = pixels[np.abs(pixels[:, 1] - 462) <= 1]
    np.testing.assert_allclose(bar[:, 0].max() - bar[:, 0].min(), 100, atol=3)
