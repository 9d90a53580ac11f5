"""Boxes, bands and routes land on the pixels where the camera sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.rig import Camera
from lead_xb.store.scene import Scene
from lead_xb.viz.cameras import band, camera_picture
from lead_xb.viz.overlay import overlay_of
from lead_xb.viz.palette import CATEGORY

MakeScene = Callable[..., Scene]
MakeCamera = Callable[..., Camera]
BoxAt = Callable[..., dict[str, Any]]

GREY = 100


def no_future(index: int, row: dict[str, Any]) -> None:
    """Rows that tell nothing of where the ego goes."""
    row["ego.pose"] = None


def changed(scene: Scene, name: str = "front", *, row: int = 0, view: str | None = None) -> np.ndarray:
    """Where a picture of a grey camera is not grey any more: columns and rows."""
    picture = camera_picture(overlay_of(scene, row), name, width=160, view=view)
    assert picture is not None
    return np.argwhere(np.abs(picture.astype(int) - GREY).max(axis=2) > 12)[:, ::-1]


def test_a_box_ahead_on_the_left_marks_the_pixels_that_the_pinhole_formula_gives(
    make_scene: MakeScene, box_at: BoxAt
) -> None:
    pixels = changed(make_scene(boxes=(box_at(12.0, 2.0),), edit=no_future))
    # Nearest face at x = 10 m, farthest at 14 m; y from 1 to 3 m; z from 0 to 1.5 m, camera at 1.5 m.
    np.testing.assert_allclose(pixels.min(axis=0), [80.0 - 100.0 * 3.0 / 10.0, 60.0], atol=2.5)
    np.testing.assert_allclose(pixels.max(axis=0), [80.0 - 100.0 * 1.0 / 14.0, 60.0 + 100.0 * 1.5 / 10.0], atol=2.5)


def test_a_mirrored_box_would_be_seen(make_scene: MakeScene, box_at: BoxAt) -> None:
    left = changed(make_scene(boxes=(box_at(12.0, 2.0),), edit=no_future))
    right = changed(make_scene(boxes=(box_at(12.0, -2.0),), edit=no_future, name="mirrored"))
    assert left[:, 0].max() < 80 < right[:, 0].min()


def test_the_side_that_a_box_heads_to_is_shaded(make_scene: MakeScene, box_at: BoxAt) -> None:
    # A car that comes towards the camera shows its shaded front, one that drives away its open back.
    oncoming = make_scene(boxes=(box_at(8.0, 0.0, yaw=np.pi),), edit=no_future)
    leaving = make_scene(boxes=(box_at(8.0, 0.0),), edit=no_future, name="leaving")
    inside_back, inside_front = (80, 80), (80, 67)
    assert inside_back in set(map(tuple, changed(oncoming)))
    assert inside_back not in set(map(tuple, changed(leaving)))
    assert inside_front in set(map(tuple, changed(leaving)))


def test_colour_tells_the_category(make_scene: MakeScene, box_at: BoxAt) -> None:
    scene = make_scene(boxes=(box_at(8.0, 0.0, category=int(Category.PEDESTRIAN)),), edit=no_future)
    picture = camera_picture(overlay_of(scene, 0), "front", width=160)
    assert picture is not None
    assert (picture == CATEGORY[Category.PEDESTRIAN]).all(axis=2).any()
    assert not (picture == CATEGORY[Category.VEHICLE]).all(axis=2).any()


def test_the_box_of_the_ego_is_never_drawn(make_scene: MakeScene, box_at: BoxAt) -> None:
    assert not len(changed(make_scene(boxes=(box_at(12.0, 0.0, category=int(Category.EGO)),), edit=no_future)))


def test_a_box_beside_the_camera_keeps_the_part_that_lies_before_it(make_scene: MakeScene, box_at: BoxAt) -> None:
    pixels = changed(make_scene(boxes=(box_at(1.0, 2.0, size=np.array([8.0, 2.0, 1.5])),), edit=no_future))
    assert len(pixels) and pixels[:, 0].max() < 80 and pixels[:, 0].min() == 0


def test_a_box_behind_marks_the_rear_camera_alone(make_scene: MakeScene, box_at: BoxAt) -> None:
    scene = make_scene(boxes=(box_at(-12.0, 2.0),), edit=no_future)
    assert not len(changed(scene, "front"))
    assert changed(scene, "rear")[:, 0].min() > 80, "what is on the left behind lies right in the mirror of the rear"


def test_the_way_of_the_ego_is_a_band_on_the_ground(make_scene: MakeScene) -> None:
    def long_future(index: int, row: dict[str, Any]) -> None:
        row["ego_future.position"] = np.stack([np.linspace(0.0, 30.0, 61), np.zeros(61)], axis=1)

    pixels = changed(make_scene(edit=long_future))
    bottom = pixels[pixels[:, 1] == 119]
    # The ground at row 119 lies 1.5 m * 100 px / 59.5 px ahead; the band is half as wide as the car of 2 m.
    np.testing.assert_allclose(bottom[:, 0].min(), 80.0 - 100.0 * 0.5 / (150.0 / 59.5), atol=2.0)
    np.testing.assert_allclose(bottom[:, 0].max(), 80.0 + 100.0 * 0.5 / (150.0 / 59.5), atol=2.0)
    assert pixels[:, 1].min() > 60, "nothing of the ground lies above the horizon"


def test_the_route_turns_left_where_it_turns_left(make_scene: MakeScene) -> None:
    def route(index: int, row: dict[str, Any]) -> None:
        row.update({"ego.pose": None, "navigation.route": np.array([[5.0, 0.0], [15.0, 0.0], [15.0, 8.0]])})

    pixels = changed(make_scene(edit=route))
    assert pixels[:, 0].min() < 40 and pixels[:, 0].max() < 84


def test_a_view_has_its_own_image_and_moves_the_boxes(
    make_scene: MakeScene, box_at: BoxAt, png_of: Callable[[np.ndarray], dict[str, bytes]]
) -> None:
    def shifted(index: int, row: dict[str, Any]) -> None:
        row["ego.pose"] = None
        row["view.shifted.image.front"] = png_of(np.full((120, 160, 3), GREY, np.uint8))

    pixels = changed(make_scene(boxes=(box_at(12.0, 1.0),), edit=shifted), view="shifted")
    assert abs(pixels[:, 0].mean() - 80.0) < 1.0, "seen from 1 m to the left the box lies straight ahead"


def test_a_camera_that_did_not_fire_gives_no_picture(make_scene: MakeScene) -> None:
    scene = make_scene(edit=lambda index, row: row.update({"image.front": None}))
    assert camera_picture(overlay_of(scene, 0), "front", width=160) is None


def test_an_unknown_camera_is_refused(make_scene: MakeScene) -> None:
    with pytest.raises(SchemaError, match="no name 'roof'"):
        camera_picture(overlay_of(make_scene(), 0), "roof", width=160)


def test_pictures_are_brought_to_the_asked_width(make_scene: MakeScene, box_at: BoxAt) -> None:
    scene = make_scene(boxes=(box_at(12.0, 2.0),), edit=no_future)
    picture = camera_picture(overlay_of(scene, 0), "front", width=320)
    assert picture is not None and picture.shape == (240, 320, 3)
    pixels = np.argwhere(np.abs(picture.astype(int) - GREY).max(axis=2) > 12)[:, ::-1]
    np.testing.assert_allclose(pixels.min(axis=0), [2.0 * 50.0, 2.0 * 60.0], atol=3.0)


def test_a_band_has_its_left_edge_on_the_left() -> None:
    strip = band(np.stack([np.linspace(0.0, 4.0, 9), np.zeros(9), np.zeros(9)], axis=1), 0.5)
    np.testing.assert_allclose(strip[:, 0, 1], 0.5)
    np.testing.assert_allclose(strip[:, 1, 1], -0.5)


def test_the_edges_of_a_band_lie_square_to_the_way() -> None:
    way = np.linspace(0.0, 4.0, 9)
    strip = band(np.stack([way, way, np.zeros(9)], axis=1), 1.0)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(strip[:, 0] - strip[:, 1], np.tile([-2 * half, 2 * half, 0.0], (len(strip), 1)))


def test_an_ego_at_rest_has_no_band() -> None:
    assert len(band(np.zeros((20, 3)), 0.5)) == 0
    assert len(band(np.zeros((0, 3)), 0.5)) == 0
