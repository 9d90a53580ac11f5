"""Cameras lie on a sheet as they look out of the car."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from lead_xb.schemas.rig import Camera, Payload, Rig
from lead_xb.viz.layout import (
    LEGEND_HEIGHT,
    SHEET_WIDTH,
    Kind,
    Layout,
    azimuth_deg,
    camera_rows,
    front_tiles,
    sheet_layout,
)

MakeCamera = Callable[..., Camera]

RIGS: dict[str, dict[str, float]] = {
    "one": {"f": 0},
    "lead_3": {"l": 54.5, "f": 0, "r": -54.5},
    "lead_6": {"l": 57.5, "f": 0, "r": -57.5, "bl": 122.5, "b": 180, "br": -122.5},
    "nuplan_8": {"f": 0, "l0": 55, "l1": 110, "l2": 145, "r0": -55, "r1": -110, "r2": -145, "b": 180},
    "alpasim_4": {"wide": 0, "tele": 0.1, "cross_left": 70, "cross_right": -70},
}
ROWS = {
    "one": [["f"]],
    "lead_3": [["l", "f", "r"]],
    "lead_6": [["l", "f", "r"], ["bl", "b", "br"]],
    "nuplan_8": [["l0", "f", "r0"], ["l1", "r1"], ["l2", "b", "r2"]],
    "alpasim_4": [["cross_left", "tele", "wide", "cross_right"]],
}


def rig_of(name: str, make_camera: MakeCamera) -> Rig:
    """One of the rigs above."""
    unit = tuple(tuple(float(v) for v in row) for row in np.eye(4))
    cameras = tuple(make_camera(camera, yaw_deg=yaw) for camera, yaw in RIGS[name].items())
    payloads = tuple(Payload(column=f"image.{camera.name}", codec="png", coding="rgb") for camera in cameras)
    return Rig(source_from_ego=unit, cameras=cameras, payloads=payloads)


def overlaps(layout: Layout) -> bool:
    """Do two tiles share a pixel?"""
    return any(
        a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height
        for a, b in combinations(layout.tiles, 2)
    )


@pytest.mark.parametrize("name", RIGS)
def test_cameras_are_sorted_into_rows_from_left_to_right(name: str, make_camera: MakeCamera) -> None:
    rows = camera_rows(rig_of(name, make_camera))
    assert [[camera.name for camera in row] for row in rows] == ROWS[name]


@pytest.mark.parametrize("name", RIGS)
def test_tiles_lie_inside_the_sheet_and_do_not_overlap(name: str, make_camera: MakeCamera) -> None:
    layout = sheet_layout(rig_of(name, make_camera), with_cameras=True)
    assert layout.width == SHEET_WIDTH and layout.width % 2 == layout.height % 2 == 0
    assert not overlaps(layout)
    for tile in layout.tiles:
        assert tile.width > 100 and tile.height > 100
        assert tile.x >= 0 and tile.x + tile.width <= layout.width
        assert tile.y + tile.height <= layout.height - LEGEND_HEIGHT


def test_the_free_place_between_the_side_cameras_shows_the_status(make_camera: MakeCamera) -> None:
    layout = sheet_layout(rig_of("nuplan_8", make_camera), with_cameras=True)
    by_name = {tile.name: tile for tile in layout.tiles if tile.kind is Kind.CAMERA}
    (status,) = (tile for tile in layout.tiles if tile.kind is Kind.STATUS)
    assert by_name["l1"].x < status.x < by_name["r1"].x and status.y == by_name["l1"].y


def test_labels_of_the_middle_camera_fill_the_room_below_a_single_row(make_camera: MakeCamera) -> None:
    rig = rig_of("lead_3", make_camera)
    crops = {"image.f": (0, 0, 160, 120), "semantic.f": (0, 0, 160, 120), "depth.f": (0, 0, 40, 30)}
    labelled = tuple(replace(c, crops=crops) if c.name == "f" else c for c in rig.cameras)
    payloads = (
        Payload(column="image.f", codec="png", coding="rgb"),
        Payload(column="semantic.f", codec="png", coding="class"),
        Payload(column="depth.f", codec="png", coding="depth_linear", bits=8, max_depth_m=50.0),
    )
    layout = sheet_layout(replace(rig, cameras=labelled, payloads=payloads), with_cameras=True)
    below = [tile for tile in layout.tiles if tile.kind not in (Kind.CAMERA, Kind.BEV)]
    assert [(tile.kind, tile.name) for tile in below] == [
        (Kind.SEMANTIC, "f"),
        (Kind.DEPTH, "f"),
        (Kind.STATUS, ""),
    ]


def test_portrait_cameras_do_not_make_the_sheet_endless(make_camera: MakeCamera) -> None:
    rig = rig_of("nuplan_8", make_camera)
    tall = tuple(replace(camera, width=90, height=160) for camera in rig.cameras)
    layout = sheet_layout(replace(rig, cameras=tall), with_cameras=True)
    assert layout.height < 1100


def test_without_images_the_birds_eye_view_takes_the_sheet(make_camera: MakeCamera) -> None:
    (tile,) = sheet_layout(rig_of("lead_3", make_camera), with_cameras=False).tiles
    assert tile.kind is Kind.BEV and tile.width > 1800


def test_front_tiles_show_the_front_row_only(make_camera: MakeCamera) -> None:
    tiles = front_tiles(rig_of("nuplan_8", make_camera), x=10, width=900)
    assert [tile.name for tile in tiles] == ["l0", "f", "r0"]
    assert tiles[0].x == 10 and tiles[-1].x + tiles[-1].width <= 910


def test_azimuth_is_positive_to_the_left(make_camera: MakeCamera) -> None:
    assert azimuth_deg(make_camera("a", yaw_deg=55.0)) == pytest.approx(55.0)


def test_depth_that_cannot_be_decoded_is_not_shown(make_camera: MakeCamera) -> None:
    crops = {"image.f": (0, 0, 160, 120), "depth.f": (0, 0, 40, 30)}
    front = replace(make_camera("f"), crops=crops)
    image = Payload(column="image.f", codec="png", coding="rgb")
    linear = Payload(column="depth.f", codec="png", coding="depth_linear", bits=8, max_depth_m=50.0)
    for depth, shown in (
        (linear, 1),
        (replace(linear, coding="depth_inverse"), 0),
        (replace(linear, along_ray=True), 0),
    ):
        rig = Rig(source_from_ego=front.ego_from_camera, cameras=(front,), payloads=(image, depth))
        tiles = sheet_layout(rig, with_cameras=True).tiles
        assert sum(tile.kind is Kind.DEPTH for tile in tiles) == shown
