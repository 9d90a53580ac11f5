"""Sheets: one picture that shows a row of a scene at a glance, and two stores side by side at the same instant."""

from __future__ import annotations

from pathlib import Path

import cv2

from lead_xb.schemas.errors import LeadXbError
from lead_xb.schemas.sensors import group_of
from lead_xb.store.atomic import atomic_write
from lead_xb.store.maps import Map
from lead_xb.store.scene import Scene
from lead_xb.viz import draw
from lead_xb.viz.bev import bev_picture
from lead_xb.viz.draw import Image
from lead_xb.viz.layout import (
    GAP,
    LEGEND_HEIGHT,
    MARGIN,
    SHEET_WIDTH,
    TITLE_HEIGHT,
    camera_rows,
    front_tiles,
    sheet_layout,
)
from lead_xb.viz.overlay import overlay_of
from lead_xb.viz.palette import BACKGROUND
from lead_xb.viz.status import draw_legend, draw_title, title_fields
from lead_xb.viz.tiles import Instant, draw_tiles
from lead_xb.viz.window import Window

__all__ = ["Instant", "compare_sheet", "frame_sheet", "has_images", "sheet_to_png"]

COMPARE_HEIGHT = 980
COMPARE_PX_PER_M = 7.0
_COMPARED = ("row", "time", "speed", "view")


def frame_sheet(scene: Scene, row: int, *, map: Map | None = None, view: str | None = None) -> Image:
    """Draw one row of a scene: cameras with boxes and ways, bird's-eye view, title and legend.

    The size depends on the rig only, so all rows of a scene give sheets of one size. A camera that did not fire in
    the row is a grey tile; a scene without any image gets a wide bird's-eye view.

    Args:
        scene: opened scene.
        row: row in it.
        map: map under the bird's-eye view; without one the row's `bev_map` raster is used.
        view: perturbed rig whose images are shown; the bird's-eye view stays that of the car.

    Returns:
        RGB, `SHEET_WIDTH` px wide.

    Raises:
        IndexError: no such row.
        SchemaError: no such view, or a camera model that cannot be projected.
        DataError: a payload cannot be read.
    """
    overlay = overlay_of(scene, row)
    layout = sheet_layout(scene.meta.rig, with_cameras=has_images(scene))
    image = draw.blank(layout.width, layout.height, BACKGROUND)
    inner = layout.width - 2 * MARGIN
    fields = title_fields(scene, overlay.frame, view)
    draw_title(image, scene.meta.scene_id, fields, x=MARGIN, width=inner)
    draw_tiles(image, layout.tiles, Instant(scene=scene, row=row, map=map, view=view), overlay)
    draw_legend(image, overlay, x=MARGIN, y=layout.height - LEGEND_HEIGHT, width=inner)
    return image


def compare_sheet(left: Instant, right: Instant) -> Image:
    """Draw the same instant from two stores side by side: front cameras with boxes above, bird's-eye views below.

    Both bird's-eye views have one scale and the ego at the same height, so that what agrees lies at the same place.

    Returns:
        RGB, `SHEET_WIDTH` px wide; errors as of `frame_sheet`.
    """
    image = draw.blank(SHEET_WIDTH, TITLE_HEIGHT + COMPARE_HEIGHT + LEGEND_HEIGHT, BACKGROUND)
    width = (SHEET_WIDTH - 3 * MARGIN) // 2
    for instant, x in ((left, MARGIN), (right, 2 * MARGIN + width)):
        _draw_side(image, instant, x=x, width=width)
    return image


def sheet_to_png(path: Path, image: Image) -> None:
    """Write a sheet as PNG; the file appears whole or not at all.

    Raises:
        LeadXbError: OpenCV cannot encode the picture.
        OSError: the folder cannot be written.
    """
    done, data = cv2.imencode(".png", image[:, :, ::-1])
    if not done:
        raise LeadXbError(f"{path}: OpenCV cannot encode a picture of shape {image.shape} as PNG")
    with atomic_write(path) as file:
        file.write(data.tobytes())


def has_images(scene: Scene) -> bool:
    """Is there an image of a camera of the rig in any row of the scene?"""
    cameras = [camera for row in camera_rows(scene.meta.rig) for camera in row]
    columns = {column for camera in cameras for column in camera.crops if group_of(column) == "image"}
    return any(batch.column(name).null_count < batch.num_rows for batch in scene.batches for name in columns)


def _draw_side(image: Image, instant: Instant, *, x: int, width: int) -> None:
    scene, overlay = instant.scene, overlay_of(instant.scene, instant.row)
    fields = [field for field in title_fields(scene, overlay.frame, instant.view) if field[0] in _COMPARED]
    draw_title(image, f"{scene.meta.source}: {scene.meta.scene_id}", fields, x=x, width=width)
    tiles = front_tiles(scene.meta.rig, x=x, width=width) if has_images(scene) else []
    bottom = TITLE_HEIGHT + COMPARE_HEIGHT
    top = max((tile.y + tile.height + GAP for tile in tiles), default=TITLE_HEIGHT)
    draw_tiles(image, tiles, instant, overlay)
    window = Window.of_scale(width, bottom - top, px_per_m=COMPARE_PX_PER_M)
    draw.paste(image, bev_picture(overlay, window, map=instant.map), (x, top))
    draw_legend(image, overlay, x=x, y=bottom, width=width)
