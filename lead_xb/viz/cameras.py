"""One camera image with the boxes, the route and the ego's future way drawn where they are in the world."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.rig import Camera
from lead_xb.viz import draw
from lead_xb.viz.draw import Image
from lead_xb.viz.overlay import DrawnBoxes, Overlay, Track
from lead_xb.viz.palette import FUTURE, ROUTE
from lead_xb.viz.project import Curves, camera_from_ego, in_camera, project, project_segments

EDGES = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7)])
"""Edges of a box as pairs of its corners (`overlay.DrawnBoxes.corners`)."""

STOP_LINES = (Category.TRAFFIC_LIGHT, Category.STOP_SIGN)
"""Their boxes are the places where to stop, not things (page `lead-expert-logs`, section 5.4): thin and not filled."""

FRONT_FACE = np.array([0, 1, 5, 4])
BAND_STEP_M = 0.5
BAND_PART_OF_WIDTH = 0.5
"""The band is as wide as this part of the car, so that it leaves the road visible."""

DEFAULT_WIDTH_M = 2.0
_BAND_OPACITY = (185.0, 60.0)
_NEAR_BOX_M, _FAR_BOX_M = 15.0, 40.0
_LARGE_PX = 600


def camera_picture(overlay: Overlay, name: str, *, width: int, view: str | None = None) -> Image | None:
    """The image of one camera, `width` px wide, with everything of the overlay that it sees.

    Args:
        overlay: what to draw, of the row whose image is taken.
        name: camera of the rig.
        width: px; the height follows from the image.
        view: a perturbed rig; its own image, and the overlay moved into it.

    Returns:
        RGB, or None where the camera did not fire.

    Raises:
        SchemaError: no such camera or view, or a camera model that cannot be projected.
    """
    recorded = overlay.frame.image(name, view=view)
    if recorded is None:
        return None
    image = resized(recorded, width)
    annotate(image, overlay, name, view=view)
    return image


def annotate(image: Image, overlay: Overlay, name: str, *, view: str | None = None) -> None:
    """Draw the overlay into an image of a camera, whatever the size the image has been brought to."""
    camera = overlay.frame.rig.camera(name)
    matrix = camera_from_ego(overlay.frame.rig, name, view=view)
    scale = image.shape[1] / camera.size[0]
    half_width_m = 0.5 * BAND_PART_OF_WIDTH * (overlay.vehicle.width_m if overlay.vehicle else DEFAULT_WIDTH_M)
    _draw_band(image, band(overlay.future, half_width_m), camera, matrix=matrix, scale=scale)
    _draw_path(image, overlay.route, camera, matrix=matrix, scale=scale)
    if overlay.boxes is not None and len(overlay.boxes):
        _draw_boxes(image, overlay.boxes, camera, matrix=matrix, scale=scale)


def resized(image: UInt8[np.ndarray, "rows columns 3"], width: int) -> Image:
    """The image at another width with its shape kept; a copy in any case."""
    height = round(image.shape[0] * width / image.shape[1])
    if (height, width) == image.shape[:2]:
        return np.ascontiguousarray(image).copy()
    kind = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=kind))


def band(track: Track, half_width_m: float) -> Float64[np.ndarray, "points 2 3"]:
    """Left and right edge of a strip on the ground along a track, about every `BAND_STEP_M`; empty for one at rest."""
    step = np.linalg.norm(np.diff(track[:, :2], axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(step)]) if len(track) else np.zeros(1)
    if length[-1] < 2 * BAND_STEP_M:
        return np.zeros((0, 2, 3))
    at = np.linspace(0.0, length[-1], int(np.ceil(length[-1] / BAND_STEP_M)) + 1)
    centre = np.stack([np.interp(at, length, track[:, axis]) for axis in range(3)], axis=1)
    along = np.gradient(centre[:, :2], axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    left = np.stack([-along[:, 1], along[:, 0], np.zeros(len(at))], axis=1) * half_width_m
    return np.stack([centre + left, centre - left], axis=1)


def _draw_band(
    image: Image, strip: Float64[np.ndarray, "points 2 3"], camera: Camera, *, matrix: np.ndarray, scale: float
) -> None:
    if not len(strip):
        return
    projected = project(camera, in_camera(matrix, strip).reshape(-1, 3))
    pixels = _scaled(projected.value, scale).reshape(-1, 2, 2)
    valid = np.all(projected.valid.reshape(-1, 2), axis=1)
    mask = np.zeros(image.shape[:2], np.uint8)
    opacity = np.linspace(*_BAND_OPACITY, len(strip))
    for k in np.flatnonzero(valid[:-1] & valid[1:]):
        quad = np.concatenate([pixels[k], pixels[k + 1, ::-1]])
        cv2.fillConvexPoly(mask, draw.fixed_point(quad), float(opacity[k]), cv2.LINE_8, 4)
    draw.tint(image, mask, FUTURE)


def _draw_path(image: Image, track: Track, camera: Camera, *, matrix: np.ndarray, scale: float) -> None:
    if len(track) < 2:
        return
    points = in_camera(matrix, track)
    curves = project_segments(camera, np.stack([points[:-1], points[1:]], axis=1))
    draw.lines(image, _visible(curves, scale), ROUTE, width=2)


def _draw_boxes(image: Image, boxes: DrawnBoxes, camera: Camera, *, matrix: np.ndarray, scale: float) -> None:
    corners = in_camera(matrix, boxes.corners)
    curves = project_segments(camera, corners[:, EDGES].reshape(-1, 2, 3))
    curve_points = curves.pixels.reshape(len(boxes), len(EDGES), -1, 2)
    curve_valid = curves.valid.reshape(len(boxes), len(EDGES), -1)
    faces = project(camera, corners[:, FRONT_FACE].reshape(-1, 3))
    face_points = _scaled(faces.value, scale).reshape(-1, 4, 2)
    face_valid = np.all(faces.valid.reshape(-1, 4), axis=1)
    distance = np.linalg.norm(boxes.center, axis=1)
    for index in np.argsort(-distance):
        colour, is_thin = boxes.colours[index], boxes.hidden[index] or boxes.category[index] in STOP_LINES
        if face_valid[index] and boxes.category[index] not in STOP_LINES:
            _fill_face(image, face_points[index], colour)
        width = 3 if distance[index] < _NEAR_BOX_M else 2 if distance[index] < _FAR_BOX_M else 1
        width = width if image.shape[1] > _LARGE_PX else min(width, 2)
        paths = _visible(Curves(curve_points[index], curve_valid[index]), scale)
        draw.lines(image, paths, colour, width=1 if is_thin else width)


def _fill_face(image: Image, face: Float64[np.ndarray, "4 2"], colour: tuple[int, int, int]) -> None:
    """Shade the side that the object heads to."""
    height, width = image.shape[:2]
    low = np.clip(np.floor(face.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(face.max(axis=0)) + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return
    region = image[low[1] : high[1], low[0] : high[0]]
    layer = region.copy()
    draw.areas(layer, [face - low], colour)
    region[:] = cv2.addWeighted(layer, 0.4, region, 0.6, 0.0)


def _visible(curves: Curves, scale: float) -> list[Float64[np.ndarray, "points 2"]]:
    """Image curves in tile pixels; where a point is not valid, the pieces that end there are left out."""
    pixels = _scaled(curves.pixels, scale)
    whole = curves.valid.all(axis=1)
    paths = list(pixels[whole])
    for path, valid in zip(pixels[~whole], curves.valid[~whole], strict=True):
        paths += [path[k : k + 2] for k in np.flatnonzero(valid[:-1] & valid[1:])]
    return paths


def _scaled(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Camera pixels -> pixels of an image that was resized by `scale`; pixel centres lie at whole numbers."""
    return (pixels + 0.5) * scale - 0.5
