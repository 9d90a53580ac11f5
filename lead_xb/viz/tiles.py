"""The tiles of a sheet: a camera, labels of a camera, the status, the bird's-eye view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8

from lead_xb.store.frame import Frame
from lead_xb.store.images import decode_depth
from lead_xb.store.maps import Map
from lead_xb.store.scene import Scene
from lead_xb.viz import draw
from lead_xb.viz.bev import bev_picture
from lead_xb.viz.cameras import camera_picture, resized
from lead_xb.viz.draw import Image, TextStyle
from lead_xb.viz.layout import LABELS, Kind, Tile, label_column
from lead_xb.viz.overlay import Overlay
from lead_xb.viz.palette import PANEL, SEMANTIC, SMALL_PX, TEXT, class_table
from lead_xb.viz.status import status_panel
from lead_xb.viz.window import Window

NOT_RECORDED = "not recorded"
_LABEL = TextStyle(height_px=SMALL_PX, colour=TEXT)
_DEPTH_SHOWN_M = 50.0


@dataclass(frozen=True, kw_only=True)
class Instant:
    """One row of a scene, with the map it lies on and the perturbed view to look from, where there are such."""

    scene: Scene
    row: int
    map: Map | None = None
    view: str | None = None


def draw_tiles(image: Image, tiles: Sequence[Tile], instant: Instant, overlay: Overlay) -> None:
    """Draw every tile of a layout into its rectangle of the image."""
    for tile in tiles:
        if tile.kind is Kind.STATUS:
            picture = status_panel(instant.scene, overlay.frame, tile.width, tile.height)
        elif tile.kind is Kind.BEV:
            picture = bev_picture(overlay, Window.of_size(tile.width, tile.height), map=instant.map)
        elif tile.kind is Kind.CAMERA:
            picture = _camera_tile(overlay, tile, instant.view)
        else:
            picture = _label_tile(overlay.frame, tile, instant.view)
        draw.paste(image, picture, (tile.x, tile.y))


def _camera_tile(overlay: Overlay, tile: Tile, view: str | None) -> Image:
    # A row may have a rig of its own, which lacks a camera that the source did not calibrate there.
    camera = next((camera for camera in overlay.frame.rig.cameras if camera.name == tile.name), None)
    width = 0 if camera is None else _fitting_width(camera.size, tile)
    picture = None if camera is None else camera_picture(overlay, tile.name, width=width, view=view)
    if picture is None:
        return draw.missing_tile(tile.width, tile.height, f"{tile.name}: {NOT_RECORDED}")
    return _labelled(picture, tile, tile.name)


def _label_tile(frame: Frame, tile: Tile, view: str | None) -> Image:
    """Semantics or depth of one camera in colours."""
    name = f"{tile.name} {LABELS[tile.kind]}"
    camera = frame.rig.camera(tile.name)
    column = label_column(frame.rig, camera, tile.kind)
    stored = f"{column}" if view is None else f"view.{view}.{column}"
    codes = None if column is None else frame.codes(stored)
    if column is None or codes is None:
        return draw.missing_tile(tile.width, tile.height, f"{name}: {NOT_RECORDED}")
    x, y, width, height = camera.crops[column]
    codes, payload = codes[y : y + height, x : x + width], frame.rig.payload(column)
    if tile.kind is Kind.SEMANTIC:
        colours = class_table(payload.classes, SEMANTIC)[np.minimum(codes, 255)]
    else:
        colours = _depth_colours(decode_depth(codes, payload))
    return _labelled(resized(colours, _fitting_width((colours.shape[1], colours.shape[0]), tile)), tile, name)


def _depth_colours(depth_m: Shaped[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns 3"]:
    """Near is bright; the root spreads the near part, where most of the picture lies."""
    level = 255.0 * (1.0 - np.sqrt(np.clip(depth_m / _DEPTH_SHOWN_M, 0.0, 1.0)))
    return np.ascontiguousarray(cv2.applyColorMap(level.astype(np.uint8), cv2.COLORMAP_MAGMA)[:, :, ::-1])


def _fitting_width(size: tuple[int, int], tile: Tile) -> int:
    """Width at which a picture of that width and height fills its tile in one direction and stays inside it."""
    width, height = size
    return min(tile.width, int(tile.height * width / height))


def _labelled(picture: UInt8[np.ndarray, "rows columns 3"], tile: Tile, name: str) -> Image:
    """The picture in the middle of its tile with the name in the upper left corner."""
    if picture.shape[:2] == (tile.height, tile.width):
        canvas = picture
    else:
        canvas = draw.blank(tile.width, tile.height, PANEL)
        rows, columns = min(picture.shape[0], tile.height), picture.shape[1]
        draw.paste(canvas, picture[:rows], ((tile.width - columns) // 2, (tile.height - rows) // 2))
    draw.put_label(canvas, name, (8, 8), _LABEL)
    return canvas
