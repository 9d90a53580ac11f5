"""The real camera models of the platforms: pinhole, and pinhole with OpenCV's five distortion coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NEAR_M = 0.15

PointsN3 = Float[np.ndarray, "_ 3"]
PointsN2 = Float[np.ndarray, "_ 2"]


@dataclass(frozen=True, slots=True)
class CameraModel:
    """Intrinsics of one camera; camera axes are OpenCV's (x right, y down, z forward).

    Attributes:
        width, height: image size, px.
        intrinsics: (3, 3) matrix K, px.
        distortion: k1, k2, p1, p2, k3, or None for a pure pinhole.
    """

    width: int
    height: int
    intrinsics: Float[np.ndarray, "3 3"]
    distortion: Float[np.ndarray, " 5"] | None = None

    def rays(self, step_px: int) -> Float[np.ndarray, "rows cols 2"]:
        """x/z and y/z of the viewing rays through the centres of `step_px` blocks of pixels."""
        u = (np.arange(self.width // step_px) + 0.5) * step_px - 0.5
        v = (np.arange(self.height // step_px) + 0.5) * step_px - 0.5
        pixels = np.stack(np.meshgrid(u, v), axis=-1)
        focal, centre = self.intrinsics[[0, 1], [0, 1]], self.intrinsics[:2, 2]
        distorted = ((pixels - centre) / focal).reshape(-1, 2)
        undistorted = distorted
        if self.distortion is not None:
            # Fixed-point iteration; each step shrinks the error to less than half inside the image.
            for _ in range(40):
                undistorted = undistorted + distorted - self._distort(undistorted)
        return np.asarray(undistorted.reshape(pixels.shape))

    def to_pixels(self, normalised: PointsN2) -> PointsN2:
        """x/z and y/z (n, 2) -> pixel coordinates u, v (n, 2), distortion applied."""
        k = self.intrinsics
        return np.asarray(self._distort(normalised) * k[[0, 1], [0, 1]] + k[:2, 2])

    def _distort(self, normalised: PointsN2) -> PointsN2:
        if self.distortion is None:
            return normalised
        x, y = normalised[:, 0], normalised[:, 1]
        k1, k2, p1, p2, k3 = self.distortion
        r2 = x * x + y * y
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        return np.stack(
            [
                x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
                y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
            ],
            axis=1,
        )

    def field(self, margin: float = 1.15) -> tuple[float, float, float, float]:
        """Smallest and largest x/z, then smallest and largest y/z, that the image can show, widened by `margin`.

        Polygons are clipped to this field before distortion, which is monotonic inside it and folds far outside.
        """
        border = self.rays(max(1, self.width // 48)).reshape(-1, 2)
        (x0, y0), (x1, y1) = border.min(axis=0) * margin, border.max(axis=0) * margin
        return float(x0), float(x1), float(y0), float(y1)


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Where a camera is: `world_from_camera` (3, 3) has the columns right, down, forward; position in m (ISO)."""

    world_from_camera: Float[np.ndarray, "3 3"]
    position_m: Float[np.ndarray, " 3"]

    def to_camera(self, world: PointsN3) -> PointsN3:
        """World points (n, 3), m -> camera axes (n, 3), m."""
        return np.asarray((world - self.position_m) @ self.world_from_camera)


def clip_polygon(points: PointsN3, planes: Float[np.ndarray, "k 4"]) -> PointsN3:
    """The part of a polygon (camera axes, m) where `normal . p + offset >= 0` for every plane; may be empty.

    Sutherland and Hodgman's algorithm; exact for convex polygons, which all faces of the demo are.
    """
    for plane in planes:
        side = points @ plane[:3] + plane[3]
        if len(points) == 0 or (side >= 0).all():
            continue
        following = np.roll(points, -1, axis=0)
        side_after = np.roll(side, -1)
        kept: list[Float[np.ndarray, " 3"]] = []
        for k in range(len(points)):
            if side[k] >= 0:
                kept.append(points[k])
            if (side[k] >= 0) != (side_after[k] >= 0):
                part = side[k] / (side[k] - side_after[k])
                kept.append(points[k] + part * (following[k] - points[k]))
        points = np.array(kept).reshape(-1, 3)
    return points


def view_planes(model: CameraModel) -> Float[np.ndarray, "5 4"]:
    """The near plane and the four sides of the field of view, as rows (normal, offset) for `clip_polygon`."""
    x0, x1, y0, y1 = model.field()
    return np.array(
        [
            [0.0, 0.0, 1.0, -NEAR_M],
            [1.0, 0.0, -x0, 0.0],
            [-1.0, 0.0, x1, 0.0],
            [0.0, 1.0, -y0, 0.0],
            [0.0, -1.0, y1, 0.0],
        ]
    )


def divide_edges(points: PointsN2, pieces: int) -> PointsN2:
    """Each edge of a closed polygon cut into `pieces`: straight in the world, it may be curved in the image."""
    if pieces == 1:
        return points
    t = np.arange(pieces)[:, None] / pieces
    following = np.roll(points, -1, axis=0)
    return np.asarray((points[:, None] * (1.0 - t) + following[:, None] * t).reshape(-1, 2))
