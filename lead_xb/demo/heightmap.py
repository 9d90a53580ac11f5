"""Where rays meet the ground: a table of terrain heights, marched along all rays at once."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Float

from lead_xb.demo.terrain import Terrain

SPACING_M = 1.0
"""The terrain bends so little that linear interpolation over this distance errs by less than 1 mm."""

REACH_M = 220.0
_STEPS_M = np.concatenate([[0.0], np.geomspace(0.4, REACH_M, 26)])


class HeightMap:
    """Heights round `centre_m` for fast ray casting; outside the table the border is continued."""

    def __init__(self, terrain: Terrain, centre_m: tuple[float, float], *, radius_m: float = 330.0) -> None:
        count = 2 * math.ceil(radius_m / SPACING_M) + 1
        self._corner = np.array(centre_m) - 0.5 * (count - 1) * SPACING_M
        grid = self._corner[:, None] + np.arange(count) * SPACING_M
        x, y = np.meshgrid(grid[0], grid[1])
        self._heights = terrain.height(np.stack([x, y], axis=-1)).astype(np.float32)

    def heights(self, x: Float[np.ndarray, "n m"], y: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        """Ground height at world positions, m."""
        if x.size == 0:
            return np.zeros(x.shape, np.float32)
        columns = ((x - self._corner[0]) / SPACING_M).astype(np.float32)
        rows = ((y - self._corner[1]) / SPACING_M).astype(np.float32)
        return np.asarray(cv2.remap(self._heights, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def hits(self, origin_m: Float[np.ndarray, " 3"], directions: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """How far along each direction the ground is, in multiples of the direction; inf where it is not met.

        The search ends at `REACH_M` horizontal metres, which is why directions must not be vertical.
        """
        scale = 1.0 / np.maximum(np.hypot(directions[:, 0], directions[:, 1]), 1e-6)
        t = (_STEPS_M[None, :] * scale[:, None]).astype(np.float32)
        d = directions.astype(np.float32)
        clearance = origin_m[2] + t * d[:, 2:] - self.heights(origin_m[0] + t * d[:, :1], origin_m[1] + t * d[:, 1:2])
        below = clearance < 0.0
        first = np.argmax(below, axis=1)
        found = below.any(axis=1) & (first > 0)
        rows = np.nonzero(found)[0]
        result = np.full(len(directions), np.inf)
        result[rows] = self._refine(origin_m, directions[rows], t[rows], clearance[rows], first[rows])
        return result

    def _refine(
        self,
        origin_m: Float[np.ndarray, " 3"],
        d: Float[np.ndarray, "n 3"],
        t: Float[np.ndarray, "n k"],
        clearance: Float[np.ndarray, "n k"],
        first: np.ndarray,
    ) -> Float[np.ndarray, " n"]:
        """Two secant steps between the last sample above and the first sample below the ground."""
        rows = np.arange(len(d))
        above, below = t[rows, first - 1].astype(np.float64), t[rows, first].astype(np.float64)
        high, low = clearance[rows, first - 1].astype(np.float64), clearance[rows, first].astype(np.float64)
        at = below
        for _ in range(2):
            at = above + (below - above) * high / np.maximum(high - low, 1e-9)
            x, y = origin_m[0] + at * d[:, 0], origin_m[1] + at * d[:, 1]
            gap = origin_m[2] + at * d[:, 2] - self.heights(x[:, None], y[:, None])[:, 0]
            over = gap >= 0.0
            above, high = np.where(over, at, above), np.where(over, gap, high)
            below, low = np.where(over, below, at), np.where(over, low, gap)
        return np.asarray(at)
