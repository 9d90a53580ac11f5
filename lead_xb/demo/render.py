"""A painter of the demo world through a real camera model.

Works in the ISO world frame with OpenCV camera axes. The ground is found per block of pixels by casting rays; road
surface and solids are polygons, clipped, projected (distortion included) and filled from far to near. On request the
painter also remembers which face each pixel shows, which gives labels and exact planar depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from lead_xb.demo.camera import CameraPose
from lead_xb.demo.drive import Drive
from lead_xb.demo.heightmap import HeightMap
from lead_xb.demo.ordering import painting_order
from lead_xb.demo.scenery import Label, Scenery
from lead_xb.demo.sheet import HORIZON, GroundDepth, Sheet, View, hazy
from lead_xb.demo.solids import paint_thing, things_in_view
from lead_xb.demo.town import LAYOUT_ORIGIN_M

ZENITH = np.array([92.0, 142.0, 206.0])
GRASS = np.array([104.0, 138.0, 78.0])
_GROUND_RANGE_M = 130.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What a camera saw.

    Attributes:
        rgb: (height, width, 3).
        labels: (height, width) `Label` values, or None if not asked for.
        numbers: (height, width) actor ids, 0 for all else, or None.
        depth_m: (height, width) distance along the optical axis, inf in the sky, or None.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    labels: UInt8[np.ndarray, "h w"] | None = None
    numbers: Int[np.ndarray, "h w"] | None = None
    depth_m: Float[np.ndarray, "h w"] | None = None


class Painter:
    """Paints the drive for any camera; keeps what does not change between calls."""

    def __init__(self, drive: Drive) -> None:
        self.scenery = Scenery(drive)
        self.heights = HeightMap(drive.terrain, LAYOUT_ORIGIN_M)

    def paint(self, view: View, pose: CameraPose, *, tick: int, labels: bool = False) -> Picture:
        """The picture at a tick.

        Args:
            view: `View(model)` of the camera; make it once.
            pose: where the camera is, ISO world.
            tick: 20 Hz sample of the drive.
            labels: also return labels, actor ids and depth (models without distortion only).

        Raises:
            ValueError: if labels are asked of a model with distortion.
        """
        if labels and view.fine is None:
            raise ValueError("labels need a camera model without distortion")
        model = view.model
        colour, ground = self._backdrop(view, pose)
        rgb = cv2.resize(colour, (model.width, model.height), interpolation=cv2.INTER_LINEAR)
        sheet = Sheet(rgb, np.zeros((model.height, model.width), np.int32) if labels else None)
        self._paint_ground(sheet, view, pose=pose, ground=ground)
        things = things_in_view(self.scenery.at(tick), view, pose=pose)
        for index in painting_order(things, pose.position_m):
            paint_thing(sheet, view, pose=pose, thing=things[index], ground=ground)
        return _with_labels(sheet, view, ground) if labels else Picture(sheet.rgb)

    def _backdrop(self, view: View, pose: CameraPose) -> tuple[UInt8[np.ndarray, "r c 3"], GroundDepth]:
        """Sky and grass per block of pixels, and how far the ground is."""
        rows, columns = view.blocks.shape[:2]
        local = np.concatenate([view.blocks.reshape(-1, 2), np.ones((rows * columns, 1))], axis=1)
        rays = local @ pose.world_from_camera.T
        depth = self.heights.hits(pose.position_m, rays)
        hit = np.isfinite(depth)
        elevation = rays[:, 2] / np.linalg.norm(rays, axis=1)
        colour = HORIZON + (ZENITH - HORIZON) * np.clip(elevation * 2.2, 0.0, 1.0)[:, None] ** 0.8
        at = pose.position_m[:2] + depth[hit, None] * rays[hit, :2]
        wave = np.sin(0.45 * at[:, 0] + 0.8 * np.sin(0.21 * at[:, 1])) * np.sin(0.37 * at[:, 1])
        distance = np.linalg.norm(at - pose.position_m[:2], axis=1)
        colour[hit] = hazy(GRASS * (1.0 + 0.05 * wave)[:, None], distance[:, None])
        inverse = np.where(hit, 1.0 / np.maximum(depth, 1e-3), 0.0)
        depths = GroundDepth(view, inverse.reshape(rows, columns))
        return colour.reshape(rows, columns, 3).astype(np.uint8), depths

    def _paint_ground(self, sheet: Sheet, view: View, *, pose: CameraPose, ground: GroundDepth) -> None:
        flat = self.scenery.ground
        count, sides = flat.corners.shape[:2]
        corners = pose.to_camera(flat.corners.reshape(-1, 3)).reshape(count, sides, 3)
        inside = view.inside(corners)
        middle = corners.mean(axis=1)
        distance = np.linalg.norm(middle, axis=1)
        shown = np.all(inside.any(axis=1), axis=1) & (distance < _GROUND_RANGE_M)
        shown &= ~ground.hides(middle)
        whole = np.asarray(inside.all(axis=(1, 2)))
        colours = hazy(flat.colours, distance[:, None])
        for k in np.nonzero(shown)[0].tolist():
            polygon = corners[k] if whole[k] else view.clip(corners[k])
            if len(polygon) < 3:
                continue
            sheet.add(int(flat.labels[k]), 0, plane=np.zeros(3))
            # Neighbouring pieces of asphalt must not blend with the grass at their common edge.
            smooth = bool(flat.labels[k] == Label.ROAD_LINE)
            sheet.fill(view.project(polygon), colours[k], smooth=smooth)


def _with_labels(sheet: Sheet, view: View, ground: GroundDepth) -> Picture:
    assert sheet.faces is not None and view.fine is not None
    planes = np.array(sheet.planes)[sheet.faces]
    solid = planes[..., 0] * view.fine[..., 0] + planes[..., 1] * view.fine[..., 1] + planes[..., 2]
    inverse = np.where(planes.any(axis=-1), solid, ground.per_pixel)
    with np.errstate(divide="ignore"):
        depth = np.where(inverse > 0.0, 1.0 / inverse, np.inf)
    return Picture(
        rgb=sheet.rgb,
        labels=np.array(sheet.labels, np.uint8)[sheet.faces],
        numbers=np.array(sheet.numbers, np.int32)[sheet.faces],
        depth_m=depth,
    )
