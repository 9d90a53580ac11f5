"""Label tiles: semantics and depth of the middle camera, in colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lead_xb.schemas.rig import Camera, Payload
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.writer import write_rows
from lead_xb.viz.layout import Kind, Tile
from lead_xb.viz.overlay import overlay_of
from lead_xb.viz.palette import SEMANTIC, TILE
from lead_xb.viz.tiles import Instant, draw_tiles

MakeScene = Callable[..., Scene]


def labelled(scene: Scene, path: Path, cells: dict[str, Any]) -> Scene:
    """A one-row scene with the rig of `scene` and labels of its front camera, which shows the right half of them."""
    payloads = (
        Payload(column="semantic.all", codec="png", coding="class", classes={"1": "vehicle", "2": "road"}),
        Payload(column="depth.all", codec="png", coding="depth_linear", bits=8, max_depth_m=50.0),
    )
    front = scene.meta.rig.camera("front")
    crops = {**front.crops, "semantic.all": (4, 0, 4, 3), "depth.all": (4, 0, 4, 3)}
    rig = replace(scene.meta.rig, cameras=(replace(front, crops=crops),), payloads=payloads)
    row = {"frame.token": "t", "frame.timestamp_us": 0, "frame.is_key": True, "frame.kind": "recorded", **cells}
    write_rows(path, replace(scene.meta, rig=rig), [(row, None)])
    return open_scene(path)


def tile_picture(scene: Scene, kind: Kind) -> np.ndarray:
    """One tile of 80 x 60 px."""
    image = np.zeros((60, 80, 3), np.uint8)
    tile = Tile(kind=kind, name="front", x=0, y=0, width=80, height=60)
    draw_tiles(image, [tile], Instant(scene=scene, row=0), overlay_of(scene, 0))
    return image


def test_classes_have_the_colours_of_the_palette(
    make_scene: MakeScene, tmp_path: Path, png_of: Callable[[np.ndarray], dict[str, bytes]]
) -> None:
    codes = np.repeat(np.array([[2, 1]], np.uint8), 4, axis=1).repeat(3, axis=0)
    scene = labelled(make_scene(), tmp_path / "l.arrow", {"semantic.all": png_of(codes)})
    assert tuple(tile_picture(scene, Kind.SEMANTIC)[45, 40]) == SEMANTIC["vehicle"]


def test_near_is_brighter_than_far(
    make_scene: MakeScene, tmp_path: Path, png_of: Callable[[np.ndarray], dict[str, bytes]]
) -> None:
    codes = np.full((3, 8), 250, np.uint8)
    codes[:, 6:] = 10
    picture = tile_picture(labelled(make_scene(), tmp_path / "d.arrow", {"depth.all": png_of(codes)}), Kind.DEPTH)
    assert int(picture[50, 70].sum()) > int(picture[50, 10].sum()) + 100


def test_labels_that_are_missing_are_said_to_be(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = labelled(make_scene(), tmp_path / "m.arrow", {})
    assert tuple(tile_picture(scene, Kind.SEMANTIC)[2, 2]) == TILE


def test_a_picture_of_another_shape_stays_whole_in_its_tile(
    make_scene: MakeScene, make_camera: Callable[..., Camera]
) -> None:
    scene = make_scene(cameras=(make_camera("front"),), edit=lambda index, row: row.update({"ego.pose": None}))
    image = np.zeros((60, 200, 3), np.uint8)
    tile = Tile(kind=Kind.CAMERA, name="front", x=0, y=0, width=200, height=60)
    draw_tiles(image, [tile], Instant(scene=scene, row=0), overlay_of(scene, 0))
    grey = np.argwhere((image[50] == 100).all(axis=1))[:, 0]
    assert (grey.min(), grey.max()) == (60, 139)
