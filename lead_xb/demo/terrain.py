"""The ground of the synthetic drive: a banked slope that levels out into a plateau.

World frame: ISO (right-handed, z up), metres. The formula is analytic, so that every writer, renderer and test
reads height and gradient from one place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Batch = Float[np.ndarray, "*batch"]
Points2 = Float[np.ndarray, "*batch 2"]
Points3 = Float[np.ndarray, "*batch 3"]


@dataclass(frozen=True, slots=True)
class Terrain:
    """Height z(x, y) of the ground.

    With u along `uphill_rad` and v to the left of it, both measured from `origin_m`, and the window
    g(u) = 1 / (1 + exp((u - crest_m) / softness_m)):
    z = slope * (integral of g from `crest_m`, zero far uphill) + bank * g(u) * reach_m * tanh(v / reach_m).

    Attributes:
        origin_m: x, y of the point from which u and v are measured, m.
        uphill_rad: heading of the steepest ascent along the road.
        slope: tangent of the slope angle before the crest.
        bank: tangent of the bank angle before the crest; positive: the left side is higher.
        crest_m: u at which the slope has fallen to half, m.
        softness_m: length of the transition, m.
        reach_m: distance to the side after which the bank levels out, m.
    """

    origin_m: tuple[float, float] = (0.0, 0.0)
    uphill_rad: float = 0.0
    slope: float = math.tan(math.radians(5.0))
    bank: float = math.tan(math.radians(3.0))
    crest_m: float = -10.0
    softness_m: float = 6.0
    reach_m: float = 40.0

    def height(self, xy: Points2) -> Batch:
        """Ground height z, m, at world positions (..., 2)."""
        u, v = self._uv(xy)
        ramp = -self.slope * self.softness_m * np.logaddexp(0.0, (self.crest_m - u) / self.softness_m)
        side = self.bank * self.reach_m * np.tanh(v / self.reach_m) * self._window(u)
        return np.asarray(ramp + side)

    def gradient(self, xy: Points2) -> Points2:
        """dz/dx and dz/dy (..., 2) at world positions (..., 2)."""
        u, v = self._uv(xy)
        window = self._window(u)
        lateral = np.tanh(v / self.reach_m)
        dz_du = self.slope * window - (self.bank * self.reach_m * lateral * window * (1.0 - window) / self.softness_m)
        dz_dv = self.bank * (1.0 - lateral**2) * window
        c, s = math.cos(self.uphill_rad), math.sin(self.uphill_rad)
        return np.stack([c * dz_du - s * dz_dv, s * dz_du + c * dz_dv], axis=-1)

    def lift(self, xy: Points2) -> Points3:
        """World positions (..., 2) -> points on the ground (..., 3)."""
        return np.concatenate([xy, self.height(xy)[..., None]], axis=-1)

    def rotation(self, xy: Points2, heading_rad: Batch) -> Float[np.ndarray, "*batch 3 3"]:
        """world_from_body of a body that stands flat on the ground at xy (..., 2) and faces `heading_rad` (...).

        Columns: forward (its horizontal direction is the heading), left, up (the ground's normal).
        """
        gradient = self.gradient(xy)
        up = np.concatenate([-gradient, np.ones_like(gradient[..., :1])], axis=-1)
        up /= np.linalg.norm(up, axis=-1, keepdims=True)
        flat = np.stack([np.cos(heading_rad), np.sin(heading_rad)], axis=-1)
        forward = np.concatenate([flat, np.sum(flat * gradient, axis=-1, keepdims=True)], axis=-1)
        forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
        return np.stack([forward, np.cross(up, forward), up], axis=-1)

    def _uv(self, xy: Points2) -> tuple[Batch, Batch]:
        dx, dy = xy[..., 0] - self.origin_m[0], xy[..., 1] - self.origin_m[1]
        c, s = math.cos(self.uphill_rad), math.sin(self.uphill_rad)
        return np.asarray(c * dx + s * dy), np.asarray(-s * dx + c * dy)

    def _window(self, u: Batch) -> Batch:
        return np.asarray(0.5 - 0.5 * np.tanh((u - self.crest_m) / (2.0 * self.softness_m)))
