"""Whole sheets: what is there is shown, what is missing is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.rig import Camera
from lead_xb.store.scene import Scene
from lead_xb.viz.layout import SHEET_WIDTH, Kind, sheet_layout
from lead_xb.viz.palette import CATEGORY, EGO, TILE
from lead_xb.viz.sheet import Instant, compare_sheet, frame_sheet, has_images, sheet_to_png

MakeScene = Callable[..., Scene]
BoxAt = Callable[..., dict[str, Any]]


def tile_of(scene: Scene, sheet: np.ndarray, name: str) -> np.ndarray:
    """The part of a sheet that shows a camera."""
    layout = sheet_layout(scene.meta.rig, with_cameras=True)
    (tile,) = (tile for tile in layout.tiles if tile.kind is Kind.CAMERA and tile.name == name)
    return sheet[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]


def columns_of(sheet: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Columns in which the colour occurs."""
    return np.argwhere((sheet == colour).all(axis=2))[:, 1]


def test_a_sheet_shows_the_box_in_the_camera_and_in_the_birds_eye_view(make_scene: MakeScene, box_at: BoxAt) -> None:
    scene = make_scene(boxes=(box_at(12.0, 2.0),))
    sheet = frame_sheet(scene, 0)
    assert sheet.shape[1] == SHEET_WIDTH and sheet.dtype == np.uint8
    front = tile_of(scene, sheet, "front")
    columns = columns_of(front, CATEGORY[Category.VEHICLE])
    assert len(columns) and columns.max() < front.shape[1] / 2
    assert len(columns_of(sheet[:, SHEET_WIDTH * 2 // 3 :], CATEGORY[Category.VEHICLE]))
    assert not len(columns_of(tile_of(scene, sheet, "rear"), CATEGORY[Category.VEHICLE]))


def test_a_camera_that_did_not_fire_is_a_grey_tile(make_scene: MakeScene) -> None:
    scene = make_scene(edit=lambda index, row: row.update({"image.left": None} if index == 0 else {}))
    missing, recorded = (tile_of(scene, frame_sheet(scene, row), "left") for row in (0, 1))
    assert tuple(missing[5, 5]) == TILE
    assert (missing != TILE).any(), "the tile says what is missing"
    assert tuple(recorded[-5, 5]) == (100, 100, 100)


def test_all_rows_of_a_scene_give_sheets_of_one_size(make_scene: MakeScene, box_at: BoxAt) -> None:
    def sparse(index: int, row: dict[str, Any]) -> None:
        if index == 1:
            row.update({"ego.pose": None, "ego.speed": None, "boxes": None})
            row.update({f"image.{name}": None for name in ("front", "left", "right", "rear")})

    scene = make_scene(boxes=(box_at(12.0, 2.0),), edit=sparse)
    assert frame_sheet(scene, 0).shape == frame_sheet(scene, 1).shape


def test_a_scene_without_images_is_a_birds_eye_view_alone(make_scene: MakeScene, box_at: BoxAt) -> None:
    def without(index: int, row: dict[str, Any]) -> None:
        row.update({f"image.{name}": None for name in ("front", "left", "right", "rear")})

    scene = make_scene(boxes=(box_at(12.0, 2.0),), edit=without)
    assert not has_images(scene)
    ego = columns_of(frame_sheet(scene, 0), EGO)
    np.testing.assert_allclose(np.median(ego[np.abs(ego - 960) < 100]), 960, atol=8)


def test_a_scene_without_cameras_is_a_birds_eye_view_alone(make_scene: MakeScene) -> None:
    scene = make_scene(cameras=())
    assert not has_images(scene)
    assert frame_sheet(scene, 0).shape[1] == SHEET_WIDTH


def test_a_shrunken_image_is_annotated_in_its_own_size(
    make_scene: MakeScene,
    make_camera: Callable[..., Camera],
    box_at: BoxAt,
    png_of: Callable[[np.ndarray], dict[str, bytes]],
) -> None:
    # `images=resize` keeps the camera model, whose parameters refer to 160 px, and stores fewer pixels.
    half = Camera(**{**vars_of(make_camera("front")), "crops": {"image.front": (0, 0, 80, 60)}})
    small = png_of(np.full((60, 80, 3), 100, np.uint8))
    full_scene = make_scene(boxes=(box_at(12.0, 2.0),), cameras=(make_camera("front"),))
    half_scene = make_scene(
        boxes=(box_at(12.0, 2.0),),
        cameras=(half,),
        edit=lambda index, row: row.update({"image.front": small}),
        name="half",
    )
    columns = [
        np.unique(columns_of(tile_of(scene, frame_sheet(scene, 0), "front"), CATEGORY[Category.VEHICLE]))
        for scene in (full_scene, half_scene)
    ]
    np.testing.assert_array_equal(columns[0], columns[1])


def vars_of(camera: Camera) -> dict[str, Any]:
    """The fields of a camera."""
    return {name: getattr(camera, name) for name in camera.__dataclass_fields__}


def test_an_unknown_view_is_refused(make_scene: MakeScene) -> None:
    with pytest.raises(SchemaError, match="mirrored"):
        frame_sheet(make_scene(), 0, view="mirrored")


def test_a_comparison_puts_equal_instants_at_equal_places(make_scene: MakeScene, box_at: BoxAt) -> None:
    left = make_scene(boxes=(box_at(12.0, 6.0),), name="left")
    right = make_scene(boxes=(box_at(12.0, 6.0),), name="right")
    sheet = compare_sheet(Instant(scene=left, row=0), Instant(scene=right, row=0))
    assert sheet.shape[1] == SHEET_WIDTH
    width = (SHEET_WIDTH - 3 * 16) // 2
    below_the_titles = slice(52, None)
    np.testing.assert_array_equal(
        sheet[below_the_titles, 16 : 16 + width], sheet[below_the_titles, 32 + width : 32 + 2 * width]
    )


def test_comparisons_of_different_rigs_have_one_scale(
    make_scene: MakeScene, make_camera: Callable[..., Camera], box_at: BoxAt
) -> None:
    boxes = (box_at(12.0, 6.0, category=int(Category.PEDESTRIAN), size=np.array([4.0, 4.0, 0.1])),)
    cameras = tuple(make_camera(name, yaw_deg=yaw) for name, yaw in (("l", 60.0), ("f", 0.0), ("r", -60.0)))
    one = make_scene(boxes=boxes, cameras=cameras[1:2], name="one")
    three = make_scene(boxes=boxes, cameras=cameras, name="three")
    sheet = compare_sheet(Instant(scene=one, row=0), Instant(scene=three, row=0))
    sides = sheet[500:1000, : SHEET_WIDTH // 2 - 8], sheet[500:1000, SHEET_WIDTH // 2 + 8 :]
    rows = [np.unique(np.argwhere((side == CATEGORY[Category.PEDESTRIAN]).all(axis=2))[:, 0]) for side in sides]
    assert len(rows[0])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_a_sheet_is_written_as_png(tmp_path: Path, make_scene: MakeScene) -> None:
    sheet = frame_sheet(make_scene(), 0)
    path = tmp_path / "pictures" / "sheet.png"
    sheet_to_png(path, sheet)
    read = cv2.imread(str(path))
    assert read is not None
    np.testing.assert_array_equal(read[:, :, ::-1], sheet)
    assert [file.name for file in path.parent.iterdir()] == ["sheet.png"]
