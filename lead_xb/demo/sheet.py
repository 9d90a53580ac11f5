"""The canvas of the painter: filling, projecting and haze, shared by ground and solids."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from lead_xb.demo.camera import CameraModel, clip_polygon, divide_edges, view_planes

HORIZON = np.array([206.0, 220.0, 232.0])
HAZE_M = 120.0
"""Distance at which half of a colour is lost, m."""
_SUBPIXEL_BITS = 4
_FINE_IMAGE_PX = 1000
"""Wider images get coarser blocks of ground rays."""

Window = tuple[slice, slice]
Pixels = tuple[UInt8[np.ndarray, "r c 3"], Int[np.ndarray, "r c"] | None]


@dataclass(slots=True)
class Sheet:
    """The picture being painted.

    Attributes:
        rgb: (height, width, 3).
        faces: number of the face that each pixel shows, from 1; None if nobody asks.
        labels, numbers, planes: per face number, the label, the actor id and the plane n with
            1 / depth = n . (x/z, y/z, 1); all zero for pieces of ground.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    faces: Int[np.ndarray, "h w"] | None
    labels: list[int] = field(default_factory=lambda: [0])
    numbers: list[int] = field(default_factory=lambda: [0])
    planes: list[Float[np.ndarray, " 3"]] = field(default_factory=lambda: [np.zeros(3)])

    def add(self, label: int, number: int, *, plane: Float[np.ndarray, " 3"]) -> None:
        """Announce the next face."""
        self.labels.append(label)
        self.numbers.append(number)
        self.planes.append(plane)

    def fill(self, pixels: Float[np.ndarray, "n 2"], colour: Float[np.ndarray, " 3"], *, smooth: bool = True) -> None:
        """Fill one polygon; its pixels belong to the face that was announced last."""
        points = np.rint(pixels * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        kind = cv2.LINE_AA if smooth else cv2.LINE_8
        cv2.fillPoly(self.rgb, [points], colour.tolist(), lineType=kind, shift=_SUBPIXEL_BITS)
        if self.faces is not None:
            number = [float(len(self.labels) - 1)]
            cv2.fillPoly(self.faces, [points], number, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)

    def copy_of(self, window: Window) -> Pixels:
        """Colours and face numbers inside a window."""
        return self.rgb[window].copy(), None if self.faces is None else self.faces[window].copy()

    def restore(self, window: Window, where: Bool[np.ndarray, "r c"], *, before: Pixels) -> None:
        """Bring back the chosen pixels of a window from a copy."""
        self.rgb[window][where] = before[0][where]
        if self.faces is not None and before[1] is not None:
            self.faces[window][where] = before[1][where]


class View:
    """What depends on the camera model alone, computed once."""

    def __init__(self, model: CameraModel) -> None:
        self.model = model
        self.planes = view_planes(model)
        self.block = 12 if model.width > _FINE_IMAGE_PX else 4
        self.blocks = model.rays(self.block)
        self.fine = model.rays(1) if model.distortion is None else None
        # A straight edge bends by the distortion, so long edges are drawn in pieces.
        self._edge_pieces = 1 if model.distortion is None else 6

    def inside(self, points: Float[np.ndarray, "*n 3"]) -> Bool[np.ndarray, "*n 5"]:
        """For points in camera axes, m: on which of the view's planes they lie inside."""
        return np.asarray(points @ self.planes[:, :3].T + self.planes[:, 3] >= 0.0)

    def clip(self, polygon: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "m 3"]:
        """The part of a polygon (camera axes, m) inside the view."""
        return clip_polygon(polygon, self.planes)

    def project(self, polygon: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "m 2"]:
        """Outline in pixels of a polygon (camera axes, m) that lies inside the view."""
        flat = polygon[:, :2] / polygon[:, 2:]
        small = float(np.ptp(flat, axis=0).max()) < 0.06
        return self.model.to_pixels(divide_edges(flat, 1 if small else self._edge_pieces))

    def pixels(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
        """Pixel coordinates of points (camera axes, m); those outside the view are moved to its border."""
        flat = points[:, :2] / np.maximum(points[:, 2:], 0.1)
        return self.model.to_pixels(np.clip(flat, -1.0, 1.0))


class GroundDepth:
    """Inverse planar depth of the ground, 1/m, 0 in the sky: per block of pixels, and per pixel when asked for."""

    def __init__(self, view: View, blocks: Float[np.ndarray, "r c"]) -> None:
        self._view = view
        self._blocks = blocks

    @cached_property
    def per_pixel(self) -> Float[np.ndarray, "h w"]:
        """Interpolated to the size of the image."""
        size = (self._view.model.width, self._view.model.height)
        return np.asarray(cv2.resize(self._blocks.astype(np.float32), size, interpolation=cv2.INTER_LINEAR))

    def hides(self, points: Float[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Which points (camera axes, m) lie behind a crest: the ground seen there is clearly nearer."""
        pixels = self._view.pixels(points)
        rows, columns = self._blocks.shape
        row = np.clip(pixels[:, 1] // self._view.block, 0, rows - 1).astype(int)
        column = np.clip(pixels[:, 0] // self._view.block, 0, columns - 1).astype(int)
        nearer = self._blocks[row, column] * points[:, 2] > 1.25
        return np.asarray(nearer & (points[:, 2] > 12.0))


def hazy(colour: Float[np.ndarray, "*n 3"], distance_m: Float[np.ndarray, "*n 1"]) -> Float[np.ndarray, "*n 3"]:
    """A colour as it looks from a distance: it fades into the horizon."""
    clear = 1.0 / (1.0 + (distance_m / HAZE_M) ** 4)
    return np.asarray(HORIZON + (colour - HORIZON) * clear)
