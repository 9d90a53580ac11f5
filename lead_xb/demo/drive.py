"""One deterministic synthetic drive: the truth that every native writer describes in its own conventions.

World: ISO (right-handed, x and y in metres, z up), sampled at 20 Hz. The ego vehicle comes up a banked slope in
a curve, waits for nobody, and turns right at a traffic light that has just become green.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lead_xb.demo.actors import Actor, Signal
from lead_xb.demo.cast import make_actors, make_signals
from lead_xb.demo.motion import TICK_HZ, Speed, Track, drive_along, times_s
from lead_xb.demo.paths import Path2, arc_length, smooth_path
from lead_xb.demo.roads import RoadNetwork, Turn
from lead_xb.demo.terrain import Terrain
from lead_xb.demo.town import LAYOUT_HEADING_RAD, LAYOUT_ORIGIN_M, build_town

MAX_DURATION_S = 15.0
EGO_TO_STOP_M = 36.0
"""Distance of the ego's rear axle from the stop line at time 0, m."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way of the ego vehicle.

    Attributes:
        path: what the rear axle follows, world.
        lanes: lane and connector ids in order.
        groups: group and group-connector ids in order (nuPlan: roadblocks).
        turn_m: arc lengths at which the intersection begins and ends.
        turn: the manoeuvre there.
    """

    path: Path2
    lanes: tuple[int, ...]
    groups: tuple[int, ...]
    turn_m: tuple[float, float]
    turn: Turn


@dataclass(frozen=True, slots=True)
class Drive:
    """The whole truth. Tick k is at k / 20 s; all poses are in the ISO world frame.

    Attributes:
        seed: of everything drawn at random.
        ego: motion of the rear axle projected on the ground.
        ego_s_m: arc length of the ego along `route.path`, (ticks,).
        commands: manoeuvre ahead at each tick (LEFT or RIGHT within 20 m before and in the turn).
    """

    seed: int
    terrain: Terrain
    network: RoadNetwork
    route: Route
    ego: Track
    ego_s_m: Float[np.ndarray, " ticks"]
    commands: tuple[Turn, ...]
    actors: tuple[Actor, ...]
    signals: tuple[Signal, ...]

    @property
    def ticks(self) -> int:
        """Number of 20 Hz samples."""
        return len(self.ego.position_m)


def make_drive(seed: int = 7, duration_s: float = 10.0) -> Drive:
    """The drive, deterministic in its arguments; a shorter one is the beginning of a longer one.

    Args:
        seed: changes colours, sizes and the perturbed rig, not the plot.
        duration_s: s, at most `MAX_DURATION_S`; 20 * duration_s + 1 ticks.

    Raises:
        ValueError: if the duration is outside (0, MAX_DURATION_S].
    """
    if not 0.0 < duration_s <= MAX_DURATION_S:
        raise ValueError(f"duration_s is {duration_s}; expected a value above 0 and up to {MAX_DURATION_S} s")
    ticks = round(duration_s * TICK_HZ) + 1
    network = build_town()
    terrain = Terrain(origin_m=LAYOUT_ORIGIN_M, uphill_rad=LAYOUT_HEADING_RAD - 0.2)
    route = _route(network)
    start = route.turn_m[0] - EGO_TO_STOP_M
    speed = Speed(((0.0, 8.0), (3.0, 6.6), (5.2, 4.2), (8.0, 4.2), (11.0, 7.0)))
    ego_s = start + speed.travelled_m(times_s(ticks))
    ahead = (ego_s > route.turn_m[0] - 20.0) & (ego_s < route.turn_m[1])
    return Drive(
        seed=seed,
        terrain=terrain,
        network=network,
        route=route,
        ego=drive_along(route.path, terrain, start_m=start, speed=speed, ticks=ticks),
        ego_s_m=ego_s,
        commands=tuple(route.turn if turning else Turn.STRAIGHT for turning in ahead),
        actors=make_actors(network, terrain, ticks=ticks, seed=seed),
        signals=make_signals(network, ticks=ticks),
    )


def _route(network: RoadNetwork) -> Route:
    connector = network.connector_of(network.incoming_lane("west", 1), Turn.RIGHT)
    first, last = connector.from_lane, connector.to_lane
    begin = float(arc_length(first.centre)[-1])
    return Route(
        path=smooth_path(connector.way),
        lanes=(first.lane_id, connector.connector_id, last.lane_id),
        groups=(first.group_id, connector.group_connector_id, last.group_id),
        turn_m=(begin, begin + float(arc_length(connector.centre)[-1])),
        turn=connector.turn,
    )
