"""Ray casting against the ground and the boxes of the demo world: what a LiDAR or a radar would measure.

World frame: ISO, metres. Solids are their boxes, so every return of an actor lies on a face of its box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lead_xb.demo.heightmap import HeightMap
from lead_xb.demo.scenery import Thing


@dataclass(frozen=True, slots=True)
class Returns:
    """Where rays ended.

    Attributes:
        points_m: (n, 3), world.
        rays: (n,) index of the ray of each return.
        on_ground: (n,).
        numbers: (n,) actor id, 0 for ground, houses, trees and posts.
    """

    points_m: Float[np.ndarray, "n 3"]
    rays: Int[np.ndarray, " n"]
    on_ground: Bool[np.ndarray, " n"]
    numbers: Int[np.ndarray, " n"]


def directions(
    azimuth_rad: Float[np.ndarray, " a"], elevation_rad: Float[np.ndarray, " e"]
) -> Float[np.ndarray, "n 3"]:
    """Unit vectors x forward, y left, z up for all pairs, elevation slowest; azimuth counter-clockwise."""
    elevation, azimuth = np.meshgrid(elevation_rad, azimuth_rad, indexing="ij")
    flat = np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1).reshape(-1, 3)


def cast(
    heights: HeightMap,
    things: tuple[Thing, ...],
    *,
    origin_m: Float[np.ndarray, " 3"],
    rays: Float[np.ndarray, "n 3"],
    range_m: float,
) -> Returns:
    """First hits of unit rays from one point; rays that meet nothing within `range_m` give no return."""
    ground = heights.hits(origin_m, rays)
    reach, which = _box_hits(things, origin_m, rays, range_m=range_m)
    distance = np.minimum(ground, reach)
    kept = np.nonzero(distance < range_m)[0]
    numbers = np.array([0, *(thing.number for thing in things)], np.int64)
    on_ground = ground[kept] < reach[kept]
    return Returns(
        points_m=origin_m + distance[kept, None] * rays[kept],
        rays=kept,
        on_ground=on_ground,
        numbers=np.where(on_ground, 0, numbers[which[kept] + 1]),
    )


def _box_hits(
    things: tuple[Thing, ...], origin_m: Float[np.ndarray, " 3"], rays: Float[np.ndarray, "n 3"], *, range_m: float
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Distance to the nearest box and its index (inf and -1 where there is none)."""
    nearest = np.full(len(rays), np.inf)
    which = np.full(len(rays), -1, np.int64)
    for index, thing in enumerate(things):
        half = 0.5 * np.array(thing.size_m)
        centre = thing.position_m + half[2] * thing.rotation[:, 2]
        offset = centre - origin_m
        away, radius = float(np.linalg.norm(offset)), float(np.linalg.norm(half))
        if away - radius > range_m:
            continue
        # Only rays inside the cone round the box's sphere can hit it.
        cosine = np.sqrt(max(0.0, 1.0 - (radius / away) ** 2)) if away > radius else -1.0
        near = np.nonzero(rays @ offset >= cosine * away)[0]
        start = -offset @ thing.rotation
        local = rays[near] @ thing.rotation
        local = np.where(np.abs(local) < 1e-9, 1e-9, local)
        a, b = (-half - start) / local, (half - start) / local
        enter, leave = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
        hit = (enter < leave) & (enter > 0.05) & (enter < nearest[near])
        nearest[near[hit]] = enter[hit]
        which[near[hit]] = index
    return nearest, which
