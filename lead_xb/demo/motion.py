"""Rigid motion over the terrain: where a vehicle is at each tick, and how it moves there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from lead_xb.demo.paths import Path2
from lead_xb.demo.terrain import Terrain

TICK_HZ = 20
_DERIVATIVE_STEP_S = 0.01

Vectors = Float[np.ndarray, "ticks 3"]


@dataclass(frozen=True, slots=True)
class Track:
    """Motion of one body over all ticks, in the ISO world frame. The body's origin is on the ground.

    Attributes:
        position_m: origin, (ticks, 3), m.
        rotation: world_from_body, (ticks, 3, 3); columns forward, left, up.
        velocity_mps: of the origin, world axes, (ticks, 3), m/s.
        acceleration_mps2: of the origin, world axes, without gravity, (ticks, 3), m/s^2.
        angular_velocity_radps: world axes, (ticks, 3), rad/s.
    """

    position_m: Vectors
    rotation: Float[np.ndarray, "ticks 3 3"]
    velocity_mps: Vectors
    acceleration_mps2: Vectors
    angular_velocity_radps: Vectors

    @property
    def heading_rad(self) -> Float[np.ndarray, " ticks"]:
        """Horizontal direction of the forward axis, counter-clockwise from x, in (-pi, pi]."""
        return np.asarray(np.arctan2(self.rotation[:, 1, 0], self.rotation[:, 0, 0]))

    @property
    def speed_mps(self) -> Float[np.ndarray, " ticks"]:
        """Speed along the forward axis."""
        return np.asarray(np.einsum("ti,ti->t", self.velocity_mps, self.rotation[:, :, 0]))


@dataclass(frozen=True, slots=True)
class Speed:
    """Horizontal speed over time, a smooth curve through (time s, speed m/s) knots, constant outside them."""

    knots: tuple[tuple[float, float], ...]

    def travelled_m(self, time_s: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Horizontal distance covered since time 0."""
        times, speeds = np.array(self.knots).T
        integral = PchipInterpolator(times, speeds).antiderivative()
        inside = np.clip(time_s, times[0], times[-1])
        before, after = np.minimum(time_s - times[0], 0.0), np.maximum(time_s - times[-1], 0.0)
        return np.asarray(integral(inside) - integral(0.0) + before * speeds[0] + after * speeds[-1])


def times_s(ticks: int) -> Float[np.ndarray, " ticks"]:
    """Time of each tick, s."""
    return np.arange(ticks) / TICK_HZ


def drive_along(path: Path2, terrain: Terrain, *, start_m: float, speed: Speed, ticks: int) -> Track:
    """A body that follows `path` on the ground, starting at arc length `start_m`."""
    time, h = times_s(ticks), _DERIVATIVE_STEP_S

    def pose_at(at_s: Float[np.ndarray, " n"]) -> tuple[Vectors, Float[np.ndarray, "n 3 3"]]:
        xy, heading = path.at(start_m + speed.travelled_m(at_s))
        return terrain.lift(xy), terrain.rotation(xy, heading)

    (before, turned_before), (now, rotation), (after, turned_after) = (pose_at(time + dt) for dt in (-h, 0.0, h))
    spin = np.einsum("tij,tkj->tik", (turned_after - turned_before) / (2.0 * h), rotation)
    return Track(
        position_m=now,
        rotation=rotation,
        velocity_mps=(after - before) / (2.0 * h),
        acceleration_mps2=(after - 2.0 * now + before) / h**2,
        angular_velocity_radps=np.stack([spin[:, 2, 1], spin[:, 0, 2], spin[:, 1, 0]], axis=-1),
    )


def stand_still(terrain: Terrain, *, xy: Float[np.ndarray, " 2"], heading_rad: float, ticks: int) -> Track:
    """A body that stands on the ground all the time."""
    rotation = terrain.rotation(xy, np.asarray(heading_rad))
    zero = np.zeros((ticks, 3))
    return Track(
        position_m=np.tile(terrain.lift(xy), (ticks, 1)),
        rotation=np.tile(rotation, (ticks, 1, 1)),
        velocity_mps=zero,
        acceleration_mps2=zero,
        angular_velocity_radps=zero,
    )
