"""The bird's-eye view of one row: ground, points, boxes, ways. Forward is up, left is left, the ego stands still."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from lead_xb.store.maps import Map
from lead_xb.store.points import Cloud
from lead_xb.viz import draw
from lead_xb.viz.cameras import BAND_PART_OF_WIDTH, DEFAULT_WIDTH_M, band
from lead_xb.viz.draw import SMALL, Image, TextStyle
from lead_xb.viz.ground import draw_ground
from lead_xb.viz.overlay import DrawnBoxes, Overlay, Track
from lead_xb.viz.palette import (
    BACKGROUND,
    EGO,
    FUTURE,
    GRID,
    MUTED,
    PAST,
    RADAR,
    ROUTE,
    SMALL_PX,
    TARGET,
    TEXT,
    height_table,
    mixed,
)
from lead_xb.viz.window import Window

LOW_M, HIGH_M = 0.0, 4.0
"""Heights between which the colours of LiDAR points run, m above the ego's ground plane."""

RING_STEP_M = 20.0
SCALE_BAR_M = 10.0
ARROW_S = 1.0
"""Velocity arrows show the way of this time."""

MOVING_MPS = 0.3
RADAR_TAIL_S = 0.5
_EDGE_PX = 14.0
_LABEL_DIRECTION = np.array([-np.sin(0.6), -np.cos(0.6)])
"""Rings are labelled to the left of the road ahead."""

_TABLE = height_table()


def bev_picture(overlay: Overlay, window: Window, *, map: Map | None = None) -> Image:
    """Draw the bird's-eye view of a row.

    Args:
        overlay: what to draw.
        window: size and scale.
        map: the map that the scene lies on; without one the row's `bev_map` raster is drawn, if it has one.

    Returns:
        RGB of the size of the window.
    """
    image = draw.blank(window.width, window.height, BACKGROUND)
    draw_ground(image, window, overlay.frame, map)
    _draw_rings(image, window)
    if overlay.lidar is not None:
        _draw_points(image, window, overlay.lidar)
    for cloud in overlay.radar:
        _draw_radar(image, window, cloud)
    _draw_ways(image, window, overlay)
    if overlay.boxes is not None:
        _draw_boxes(image, window, overlay.boxes)
    _draw_ego(image, window, overlay)
    _draw_targets(image, window, overlay.targets)
    _draw_scale_bar(image, window)
    return image


def _draw_rings(image: Image, window: Window) -> None:
    centre = window.to_pixels(np.zeros(2))
    farthest = np.linalg.norm(window.corners, axis=1).max()
    for radius in np.arange(RING_STEP_M, farthest, RING_STEP_M):
        draw.disc(image, (centre[0], centre[1]), radius * window.px_per_m, GRID, width=1)
        label = centre + radius * window.px_per_m * _LABEL_DIRECTION
        if window.contains(label, margin=3.0 * SMALL_PX):
            draw.put_text(image, f"{radius:.0f} m", (label[0] - 3 * SMALL_PX, label[1]), SMALL)


def _draw_points(image: Image, window: Window, points: Float64[np.ndarray, "count 3"]) -> None:
    """LiDAR points coloured by height, 2 x 2 px each, the high ones on top."""
    points = points[np.argsort(points[:, 2])]
    pixels = np.floor(window.to_pixels(points)).astype(np.int64)
    level = np.clip((points[:, 2] - LOW_M) / (HIGH_M - LOW_M) * 255.0, 0.0, 255.0).astype(np.uint8)
    inside = (pixels >= 0).all(axis=1) & (pixels[:, 0] < window.width - 1) & (pixels[:, 1] < window.height - 1)
    (column, row), colour = pixels[inside].T, _TABLE[level[inside]]
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        image[row + down, column + right] = colour


def _draw_radar(image: Image, window: Window, cloud: Cloud) -> None:
    """Radar returns as rings, with a tail along the line of sight as long as the way of `RADAR_TAIL_S`."""
    pixels = window.to_pixels(cloud.xyz)
    speed = cloud.attributes.get("velocity")
    if speed is not None:
        sight = cloud.xyz[:, :2] / np.maximum(np.linalg.norm(cloud.xyz[:, :2], axis=1, keepdims=True), 1e-6)
        ends = window.to_pixels(cloud.xyz[:, :2] + sight * speed.astype(np.float64)[:, None] * RADAR_TAIL_S)
        draw.lines(image, list(np.stack([pixels, ends], axis=1)), mixed(RADAR, BACKGROUND, 0.45))
    for column, row in pixels:
        draw.disc(image, (column, row), 2.5, RADAR, width=1)


def _draw_ways(image: Image, window: Window, overlay: Overlay) -> None:
    draw.lines(image, [window.to_pixels(overlay.past)], PAST, width=2)
    half_width_m = 0.5 * BAND_PART_OF_WIDTH * (overlay.vehicle.width_m if overlay.vehicle else DEFAULT_WIDTH_M)
    strip = window.to_pixels(band(overlay.future, half_width_m))
    if len(strip):
        layer = image.copy()
        draw.areas(layer, [np.concatenate([strip[:, 0], strip[::-1, 1]])], FUTURE)
        draw.blend(image, layer, 0.7)
    draw.lines(image, [window.to_pixels(overlay.route)], ROUTE, width=2)


def _draw_boxes(image: Image, window: Window, boxes: DrawnBoxes) -> None:
    footprints = window.to_pixels(boxes.corners[:, :4])
    layer = image.copy()
    for footprint, colour in zip(footprints, boxes.colours, strict=True):
        draw.areas(layer, [footprint], colour)
    draw.blend(image, layer, 0.45)
    for index, footprint in enumerate(footprints):
        colour = boxes.colours[index]
        _draw_future(image, window, boxes, index)
        draw.lines(image, [footprint], colour, closed=True, width=1 if boxes.hidden[index] else 2)
        front, middle = footprint[:2].mean(axis=0), footprint.mean(axis=0)
        draw.lines(image, [np.stack([middle, front])], colour)
        velocity = boxes.velocity.value[index]
        if boxes.velocity.valid[index] and np.hypot(*velocity) > MOVING_MPS:
            tip = window.to_pixels(boxes.center[index, :2] + velocity * ARROW_S)
            draw.arrow(image, middle, tip, mixed(colour, TEXT, 0.5))


def _draw_future(image: Image, window: Window, boxes: DrawnBoxes, index: int) -> None:
    future = boxes.futures[index]
    if future is None or len(future) < 2 or np.linalg.norm(future[-1] - future[0]) < MOVING_MPS:
        return
    pixels, colour = window.to_pixels(future), mixed(boxes.colours[index], BACKGROUND, 0.25)
    draw.lines(image, [pixels], colour)
    draw.disc(image, (pixels[-1, 0], pixels[-1, 1]), 2.5, colour)


def _draw_ego(image: Image, window: Window, overlay: Overlay) -> None:
    """The recording car with a narrower bonnet; a triangle where its size is not known."""
    vehicle = overlay.vehicle
    if vehicle is None:
        outline = np.array([(3.0, 0.0), (-0.8, 0.9), (-0.8, -0.9)])
    else:
        front, back = vehicle.center_x_m + vehicle.length_m / 2.0, vehicle.center_x_m - vehicle.length_m / 2.0
        side, nose = vehicle.width_m / 2.0, front - vehicle.length_m * 0.12
        outline = np.array(
            [(front, side * 0.55), (nose, side), (back, side), (back, -side), (nose, -side), (front, -side * 0.55)]
        )
    draw.areas(image, [window.to_pixels(outline)], EGO)
    draw.lines(image, [window.to_pixels(outline)], BACKGROUND, closed=True)


def _draw_targets(image: Image, window: Window, targets: Track) -> None:
    """The current target point and the following one; one outside is marked at the edge, with its distance."""
    for order, point in enumerate(targets[:2]):
        pixel = window.to_pixels(point)
        size = 8.0 if order == 0 else 5.5
        if window.contains(pixel, margin=_EDGE_PX):
            shape = pixel + size * np.array([(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)])
            draw.areas(image, [shape], TARGET)
            draw.lines(image, [shape], TEXT, closed=True)
        else:
            _mark_outside(image, window, pixel, distance_m=float(np.hypot(*point[:2])))


def _mark_outside(image: Image, window: Window, pixel: Float64[np.ndarray, "2"], *, distance_m: float) -> None:
    centre = window.to_pixels(np.zeros(2))
    along = pixel - centre
    limit = np.where(along > 0.0, np.array([window.width, window.height]) - _EDGE_PX, _EDGE_PX)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.nanmin(np.where(along == 0.0, np.inf, (limit - centre) / along))
    edge = centre + along * part
    along = along / np.hypot(*along)
    across = np.array([-along[1], along[0]])
    draw.areas(image, [np.stack([edge + along * 9.0, edge + across * 6.0, edge - across * 6.0])], TARGET)
    text = f"{distance_m:.0f} m"
    x = np.clip(edge[0] - 14.0, 4.0, window.width - draw.text_width(text, SMALL) - 4.0)
    y = np.clip(edge[1] + (22.0 if along[1] < 0 else -12.0), SMALL_PX, window.height - 6.0)
    draw.put_text(image, text, (float(x), float(y)), TextStyle(height_px=SMALL_PX, colour=TARGET))


def _draw_scale_bar(image: Image, window: Window) -> None:
    length = SCALE_BAR_M * window.px_per_m
    left, y = 16.0, window.height - 18.0
    bar = np.array([(left, y - 4), (left, y), (left + length, y), (left + length, y - 4)])
    draw.lines(image, [bar], MUTED, width=2)
    draw.put_text(image, f"{SCALE_BAR_M:.0f} m", (left, y - 10.0), SMALL)
