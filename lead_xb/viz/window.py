"""The piece of the ego's surroundings that a bird's-eye view shows, and the one map from metres to its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

AHEAD_M, BEHIND_M = 64.0, 32.0
"""What TFv6 sees of the road (reference page `lead-expert-logs`, section 8), and therefore what the picture shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A bird's-eye view with forward up and left on the left.

    Attributes:
        width, height: size of the picture, px.
        px_per_m: scale.
        ahead_m: what lies ahead of the ego's rear axle up to the upper edge, m.
    """

    width: int
    height: int
    px_per_m: float
    ahead_m: float

    @classmethod
    def of_size(cls, width: int, height: int, *, ahead_m: float = AHEAD_M, behind_m: float = BEHIND_M) -> Window:
        """The window of that size in px which shows `ahead_m` and `behind_m`; the sides follow from the shape."""
        return cls(width=width, height=height, px_per_m=height / (ahead_m + behind_m), ahead_m=ahead_m)

    @classmethod
    def of_scale(cls, width: int, height: int, *, px_per_m: float, behind_m: float = BEHIND_M) -> Window:
        """The window of that size in px and scale whose lower edge lies `behind_m` behind the ego."""
        return cls(width=width, height=height, px_per_m=px_per_m, ahead_m=height / px_per_m - behind_m)

    @property
    def pixel_from_ego(self) -> Float64[np.ndarray, "2 3"]:
        """(column, row) = A (x, y, 1): x forward goes up, y left goes left."""
        scale = self.px_per_m
        return np.array([[0.0, -scale, self.width / 2.0], [-scale, 0.0, scale * self.ahead_m]])

    @property
    def ego_from_pixel(self) -> Float64[np.ndarray, "2 3"]:
        """The inverse of `pixel_from_ego`."""
        linear = np.linalg.inv(self.pixel_from_ego[:, :2])
        return np.column_stack([linear, -linear @ self.pixel_from_ego[:, 2]])

    @property
    def corners(self) -> Float64[np.ndarray, "4 2"]:
        """The four corners in the ego frame, m, in ring order."""
        pixels = np.array([(0, 0), (self.width, 0), (self.width, self.height), (0, self.height)], np.float64)
        return pixels @ self.ego_from_pixel[:, :2].T + self.ego_from_pixel[:, 2]

    def to_pixels(self, points: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch 2"]:
        """Ego-frame points (..., 2 or 3), m -> (column, row); the height is left out."""
        return np.asarray(points[..., :2] @ self.pixel_from_ego[:, :2].T + self.pixel_from_ego[:, 2], np.float64)

    def contains(self, pixel: Float[np.ndarray, "2"], margin: float = 0.0) -> bool:
        """Does a (column, row) lie in the picture, at least `margin` px from its edges?"""
        low, high = margin, np.array([self.width, self.height]) - margin
        return bool((pixel >= low).all() and (pixel <= high).all())
