"""LEAD's HD-map raster: 256 x 256 pixels at 2 px/m, forward to the right and right downwards (section 6)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from lead_xb.demo.native_carla import Perturbation, Transform
from lead_xb.demo.paths import Polyline
from lead_xb.demo.roads import RoadNetwork

SIZE_PX = 256
PX_PER_M = 2.0
ROAD, LANE_MARKER, BROKEN_MARKER = 1, 3, 4
_BITS = 8


def draw_hdmap(network: RoadNetwork, ego: Transform, *, perturbation: Perturbation) -> UInt8[np.ndarray, "256 256"]:
    """The raster round the (perturbed) ego actor: pixel (row, column) = (128 + 2 y, 128 + 2 x), y to the right."""
    raster = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    frame = ego.matrix() @ perturbation.matrix()
    yaw = math.atan2(frame[1, 0], frame[0, 0])
    origin = frame[:2, 3]
    rings = [lane.ring for lane in network.lanes] + [c.ring for c in network.connectors] + [network.intersection]
    for ring in rings:
        cv2.fillPoly(raster, [_pixels(ring, origin, yaw)], ROAD, shift=_BITS)
    for broken, value in ((False, LANE_MARKER), (True, BROKEN_MARKER)):
        lines = [_pixels(m.line, origin, yaw) for m in network.markings if m.broken is broken]
        cv2.polylines(raster, lines, isClosed=False, color=value, thickness=1, shift=_BITS)
    return raster


def _pixels(line: Polyline, origin: Float[np.ndarray, " 2"], yaw_rad: float) -> np.ndarray:
    """World line (ISO) -> fixed-point pixels (column, row) of a raster with this CARLA origin and yaw."""
    dx, dy = (line * np.array([1.0, -1.0]) - origin).T
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    forward, right = c * dx + s * dy, -s * dx + c * dy
    pixels = SIZE_PX / 2 + PX_PER_M * np.stack([forward, right], axis=1)
    return np.asarray(np.rint(pixels * (1 << _BITS)).astype(np.int32))
