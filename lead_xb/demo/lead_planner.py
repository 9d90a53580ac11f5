"""LEAD's sparse route: which target points lie ahead of the ego for each pop distance (reference page, section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lead_xb.demo.drive import Drive
from lead_xb.demo.roads import Turn

POP_DISTANCES_M = tuple(3.0 + 0.25 * k for k in range(29))
PLAIN_POP_DISTANCE_M = 7.5
"""The keys without a distance in their name use this one."""

LANE_FOLLOW = 4
ROAD_OPTION = {Turn.LEFT: 1, Turn.RIGHT: 2, Turn.STRAIGHT: 3}
_LOOK_AHEAD_M = 50.0


@dataclass(frozen=True, slots=True)
class TargetPoint:
    """A point of the sparse route, CARLA world m, and the CARLA road option that begins there."""

    xyz: tuple[float, float, float]
    command: int


def sparse_route(drive: Drive) -> tuple[TargetPoint, ...]:
    """Points at the start, before, at and after the turn, and at the end, single precision as CARLA gives them."""
    begin, end = drive.route.turn_m
    start = float(drive.ego_s_m[0])
    turn = ROAD_OPTION[drive.route.turn]
    places = [(start, LANE_FOLLOW), (begin - 18.0, LANE_FOLLOW), (begin, turn), (end, turn)]
    places += [(min(end + far, drive.route.path.length_m), LANE_FOLLOW) for far in (20.0, 45.0, 70.0)]
    xy, _ = drive.route.path.at(np.array([s for s, _ in places]))
    points = drive.terrain.lift(xy) * np.array([1.0, -1.0, 1.0])
    rows = points.astype(np.float32).astype(np.float64).tolist()
    return tuple(TargetPoint((x, y, z), command) for (x, y, z), (_, command) in zip(rows, places, strict=True))


def reached_counts(
    route: tuple[TargetPoint, ...], positions: Float[np.ndarray, "ticks 2"], *, pop_distance_m: float
) -> list[int]:
    """How many points have been dropped from the front at each tick.

    At each tick the planner looks 50 m along the remaining points and drops everything before the farthest one that
    the ego is within `pop_distance_m` of, but always keeps two points.
    """
    points = np.array([point.xyz[:2] for point in route])
    dropped, counts = 0, []
    for position in positions:
        ahead = points[dropped:]
        travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ahead, axis=0), axis=1))])
        distance = np.linalg.norm(ahead - position, axis=1)
        near = (distance <= pop_distance_m) & (np.concatenate([[0.0], travelled[:-1]]) <= _LOOK_AHEAD_M)
        near[0] = False
        if near.any():
            farthest = int(np.argmax(np.where(near, distance, -1.0)))
            dropped = min(dropped + farthest, len(points) - 2)
        counts.append(dropped)
    return counts
