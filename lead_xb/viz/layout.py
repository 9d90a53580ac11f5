"""Where each tile of a sheet lies: cameras as they look out of the car, the bird's-eye view beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from lead_xb.schemas.rig import Camera, Payload, Rig
from lead_xb.schemas.sensors import group_of

SHEET_WIDTH = 1920
MARGIN, GAP = 16, 8
TITLE_HEIGHT, LEGEND_HEIGHT = 52, 60
BEV_PART = 0.36
"""Part of the sheet's width that the bird's-eye view takes beside cameras."""

BEV_MIN_HEIGHT = 640
BEV_ONLY_HEIGHT = 960
CAMERAS_MAX_HEIGHT, SINGLE_ROW_MAX_HEIGHT = 860, 600
FRONT_ROW_MAX_HEIGHT = 400
FRONT_DEG = 80.0
"""Cameras that look less than this to the side form the front row."""

MAX_PER_ROW = 3


class Kind(Enum):
    """What a tile shows."""

    CAMERA = auto()
    SEMANTIC = auto()
    DEPTH = auto()
    STATUS = auto()
    BEV = auto()


LABELS = {Kind.SEMANTIC: "semantic", Kind.DEPTH: "depth"}
"""Tiles of labels -> group of the payload columns that they show."""

_SHOWN_CODINGS = ("class", "carla_tag", "depth_linear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A rectangle of a sheet, px. `name` is the camera, empty for the status and the bird's-eye view."""

    kind: Kind
    name: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All tiles of a sheet, whose width and height are even, as video wants them."""

    width: int
    height: int
    tiles: tuple[Tile, ...]


def sheet_layout(rig: Rig, *, with_cameras: bool) -> Layout:
    """Tiles of the sheet of a scene: cameras left, bird's-eye view right, or the bird's-eye view alone."""
    top = TITLE_HEIGHT
    inner = SHEET_WIDTH - 2 * MARGIN
    if not with_cameras:
        bev = Tile(kind=Kind.BEV, name="", x=MARGIN, y=top, width=inner, height=BEV_ONLY_HEIGHT)
        return Layout(width=SHEET_WIDTH, height=top + BEV_ONLY_HEIGHT + LEGEND_HEIGHT, tiles=(bev,))
    bev_width = round(inner * BEV_PART)
    left_width = inner - bev_width - GAP
    tiles = camera_tiles(rig, x=MARGIN, y=top, width=left_width)
    tiles += _further_tiles(rig, tiles, width=left_width)
    height = _even(max(BEV_MIN_HEIGHT, max(tile.y + tile.height for tile in tiles) - top))
    bev = Tile(kind=Kind.BEV, name="", x=MARGIN + left_width + GAP, y=top, width=bev_width, height=height)
    return Layout(width=SHEET_WIDTH, height=top + height + LEGEND_HEIGHT, tiles=(*tiles, bev))


def camera_rows(rig: Rig) -> list[list[Camera]]:
    """Cameras with an image, in rows as a driver would look: the front from left to right, the sides, the rear."""
    cameras = [camera for camera in rig.cameras if any(group_of(column) == "image" for column in camera.crops)]
    front = sorted((c for c in cameras if abs(azimuth_deg(c)) <= FRONT_DEG), key=azimuth_deg, reverse=True)
    # Seen from above and read from left to right, what lies behind runs from the left side round to the right one.
    behind = sorted((c for c in cameras if c not in front), key=lambda camera: azimuth_deg(camera) % 360.0)
    spare = max(0, len(behind) - MAX_PER_ROW)
    first = (spare + 1) // 2
    sides = behind[:first] + (behind[len(behind) - spare + first :] if spare > first else [])
    rear = [camera for camera in behind if camera not in sides]
    return [row for row in (front, sides, rear) if row]


def azimuth_deg(camera: Camera) -> float:
    """Direction of the optical axis seen from above: 0 forward, positive to the left."""
    axis = np.array(camera.ego_from_camera)[:2, 2]
    return float(np.rad2deg(np.arctan2(axis[1], axis[0])))


def camera_tiles(rig: Rig, *, x: int, y: int, width: int) -> list[Tile]:
    """Tiles of all cameras in a grid of the given width; a middle place that stays free shows the status."""
    rows = camera_rows(rig)
    columns = max(len(row) for row in rows)
    tile_width = (width - GAP * (columns - 1)) // columns
    heights = [max(round(tile_width * camera.size[1] / camera.size[0]) for camera in row) for row in rows]
    room = CAMERAS_MAX_HEIGHT - GAP * (len(rows) - 1) if len(rows) > 1 else SINGLE_ROW_MAX_HEIGHT
    shrink = min(1.0, room / sum(heights))
    tiles: list[Tile] = []
    for row, full_height in zip(rows, heights, strict=True):
        height = int(full_height * shrink)
        slots = _slots(len(row), columns)
        named = [(Kind.CAMERA, camera.name, slot) for camera, slot in zip(row, slots, strict=True)]
        if len(row) < columns and columns // 2 not in slots:
            named.append((Kind.STATUS, "", columns // 2))
        tiles += [
            Tile(kind=kind, name=name, x=x + slot * (tile_width + GAP), y=y, width=tile_width, height=height)
            for kind, name, slot in named
            if kind is not Kind.STATUS or not any(tile.kind is Kind.STATUS for tile in tiles)
        ]
        y += height + GAP
    return tiles


def front_tiles(rig: Rig, *, x: int, width: int) -> list[Tile]:
    """Tiles of the front row alone, else of the first row that there is."""
    row = camera_rows(rig)[0]
    tile_width = (width - GAP * (len(row) - 1)) // len(row)
    height = max(round(tile_width * camera.size[1] / camera.size[0]) for camera in row)
    return [
        Tile(
            kind=Kind.CAMERA,
            name=camera.name,
            x=x + k * (tile_width + GAP),
            y=TITLE_HEIGHT,
            width=tile_width,
            height=min(height, FRONT_ROW_MAX_HEIGHT),
        )
        for k, camera in enumerate(row)
    ]


def label_column(rig: Rig, camera: Camera, kind: Kind) -> str | None:
    """The label payload of a camera that a tile of this kind can show: classes, or depth with the plain linear code."""
    for column in (name for name in camera.crops if group_of(name) == LABELS[kind]):
        payload = rig.payload(column)
        if payload.coding in _SHOWN_CODINGS and not _is_special(payload):
            return column
    return None


def _is_special(payload: Payload) -> bool:
    """Depth whose code `Frame.depth` does not decode."""
    return bool(payload.min_depth_m) or payload.invalid_code is not None or payload.along_ray


def _slots(count: int, columns: int) -> Sequence[int]:
    """Columns of a row's tiles: half of them from the left, half from the right, an odd one in the middle."""
    half = count // 2
    middle = [columns // 2] if count % 2 else []
    return [*range(half), *middle, *range(columns - half, columns)]


def _further_tiles(rig: Rig, tiles: Sequence[Tile], *, width: int) -> list[Tile]:
    """Below a single row of cameras there is room for the labels of its middle camera and for the status."""
    if len({tile.y for tile in tiles}) > 1:
        return []
    middle = rig.camera(tiles[(len(tiles) - 1) // 2].name)
    kinds = [kind for kind in LABELS if label_column(rig, middle, kind) is not None]
    y = tiles[0].y + tiles[0].height + GAP
    tile_width = (width - 2 * GAP) // 3
    height = max(min(tile_width, CAMERAS_MAX_HEIGHT + TITLE_HEIGHT - y), BEV_MIN_HEIGHT + TITLE_HEIGHT - y)
    return [
        Tile(
            kind=kind,
            name="" if kind is Kind.STATUS else middle.name,
            x=MARGIN + k * (tile_width + GAP),
            y=y,
            width=tile_width,
            height=height,
        )
        for k, kind in enumerate([*kinds, Kind.STATUS])
    ]


def _even(value: int) -> int:
    return value + value % 2
