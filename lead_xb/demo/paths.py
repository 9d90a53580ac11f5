"""Plane curves: arcs, offsets, turns, and smooth paths that vehicles follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Polyline = Float[np.ndarray, "_ 2"]


@dataclass(frozen=True, slots=True)
class Path2:
    """A curve parametrised by arc length.

    Attributes:
        s_m: arc length of each vertex, m, increasing from 0.
        xy_m: vertices, world, m.
        heading_rad: tangent direction at each vertex, unwrapped.
    """

    s_m: Float[np.ndarray, " n"]
    xy_m: Polyline
    heading_rad: Float[np.ndarray, " n"]

    @property
    def length_m(self) -> float:
        """Total arc length, m."""
        return float(self.s_m[-1])

    def at(self, s_m: Float[np.ndarray, " m"]) -> tuple[Float[np.ndarray, "m 2"], Float[np.ndarray, " m"]]:
        """Positions (m, 2) and headings (m,) at arc lengths; straight ahead beyond both ends."""
        inside = np.clip(s_m, 0.0, self.length_m)
        xy = np.stack([np.interp(inside, self.s_m, self.xy_m[:, k]) for k in (0, 1)], axis=-1)
        heading = np.interp(inside, self.s_m, self.heading_rad)
        beyond = (s_m - inside)[:, None]
        return xy + beyond * np.stack([np.cos(heading), np.sin(heading)], axis=-1), heading


def arc_line(pieces: list[tuple[float, float]], *, heading_rad: float, step_m: float = 1.0) -> Polyline:
    """A polyline from (0, 0) made of (length m, curvature 1/m) pieces; curvature > 0 turns left."""
    points, heading = [np.zeros(2)], heading_rad
    for length, curvature in pieces:
        count = max(1, round(length / step_m))
        step = length / count
        for _ in range(count):
            turn = curvature * step
            # The chord of an arc is shorter than the arc: sin(x)/x of half the turn.
            chord = step * float(np.sinc(turn / (2.0 * math.pi)))
            direction = heading + turn / 2.0
            points.append(points[-1] + chord * np.array([math.cos(direction), math.sin(direction)]))
            heading += turn
    return np.array(points)


def offset(line: Polyline, left_m: float) -> Polyline:
    """The line moved to its left by `left_m` metres (negative: to the right), vertex by vertex."""
    tangent = np.gradient(line, axis=0)
    # One-sided differences at the ends of an arc point half a step astray; extrapolate instead.
    if len(line) > 2:
        tangent[0] = 2.0 * tangent[1] - tangent[2]
        tangent[-1] = 2.0 * tangent[-2] - tangent[-3]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    return line + left_m * np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def turn_line(start: Polyline, end: Polyline, *, count: int = 17) -> Polyline:
    """A smooth curve (a cubic Bezier) from the last point of `start` to the first point of `end`."""
    p0, p3 = start[-1], end[0]
    d0 = (start[-1] - start[-2]) / np.linalg.norm(start[-1] - start[-2])
    d3 = (end[1] - end[0]) / np.linalg.norm(end[1] - end[0])
    # 0.39 of the chord is the handle with which a right angle comes closest to a circle.
    reach = 0.39 * float(np.linalg.norm(p3 - p0))
    p1, p2 = p0 + reach * d0, p3 - reach * d3
    t = np.linspace(0.0, 1.0, count)[:, None]
    curve = (1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3
    return np.asarray(curve)


def arc_length(line: Polyline) -> Float[np.ndarray, " _"]:
    """Arc length of each vertex from the first one, m."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])


def resample(line: Polyline, step_m: float) -> Polyline:
    """Vertices at equal distances of about `step_m` along the line, both ends kept."""
    s = arc_length(line)
    grid = np.linspace(0.0, s[-1], max(2, round(float(s[-1]) / step_m) + 1))
    return np.stack([np.interp(grid, s, line[:, k]) for k in (0, 1)], axis=-1)


def smooth_path(lines: list[Polyline], *, step_m: float = 0.1, window_m: float = 4.0) -> Path2:
    """The path of a vehicle along joined lane centres, with curvature that changes gradually.

    Headings are averaged over `window_m` and integrated again; the result stays within a few centimetres of the
    lines and starts where they start.
    """
    joined = np.concatenate([line if k == 0 else line[1:] for k, line in enumerate(lines)])
    dense = resample(joined, step_m)
    heading = np.unwrap(np.arctan2(*np.diff(dense, axis=0).T[::-1]))
    half = max(1, round(window_m / step_m / 2.0))
    padded = np.pad(heading, half, mode="edge")
    kernel = np.ones(2 * half + 1) / (2 * half + 1)
    # Twice: the first average makes the curvature continuous, the second its rate finite.
    heading = np.convolve(np.pad(np.convolve(padded, kernel, "valid"), half, mode="edge"), kernel, "valid")
    steps = np.linalg.norm(np.diff(dense, axis=0), axis=1)
    moves = steps[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    xy = np.concatenate([dense[:1], dense[0] + np.cumsum(moves, axis=0)])
    at_vertices = np.concatenate([heading[:1], 0.5 * (heading[1:] + heading[:-1]), heading[-1:]])
    return Path2(s_m=np.concatenate([[0.0], np.cumsum(steps)]), xy_m=xy, heading_rad=at_vertices)
