"""Who else is on the road: the actors and the traffic lights of the synthetic drive."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from lead_xb.demo.actors import Actor, Kind, Light, Signal
from lead_xb.demo.motion import TICK_HZ, Speed, Track, drive_along, stand_still
from lead_xb.demo.paths import Path2, Polyline, arc_length, offset, smooth_path
from lead_xb.demo.roads import Connector, Lane, RoadNetwork, Turn
from lead_xb.demo.terrain import Terrain

MAIN_GREEN_FROM_S = 3.0
"""The main road's lights turn green and the cross road's have turned red at this time, s."""

Colour = tuple[int, int, int]


class _Stage:
    """Places actors on the ground; holds what all placements share."""

    def __init__(self, network: RoadNetwork, terrain: Terrain, *, ticks: int, seed: int) -> None:
        self.network, self.terrain, self.ticks = network, terrain, ticks
        self.rng = np.random.default_rng(seed)

    def car_size(self) -> tuple[float, float, float]:
        """A passenger car of about 4.7 x 1.95 x 1.55 m."""
        length, width, height = self.rng.uniform((4.4, 1.85, 1.45), (4.9, 2.0, 1.6)).round(2).tolist()
        return length, width, height

    def drive(self, connector: Connector, *, before_stop_m: float, speed: Speed) -> Track:
        """Motion along a connector's lanes, starting that far before the stop line."""
        path = smooth_path(connector.way)
        start = float(arc_length(connector.from_lane.centre)[-1]) - before_stop_m
        return drive_along(path, self.terrain, start_m=start, speed=speed, ticks=self.ticks)

    def walk(self, line: Polyline, *, start_m: float, speed: Speed) -> Track:
        """Motion along a line, starting at that arc length."""
        path = smooth_path([line], window_m=1.0)
        return drive_along(path, self.terrain, start_m=start_m, speed=speed, ticks=self.ticks)

    def stand(self, line: Polyline, *, at_m: float, turned_rad: float = 0.0) -> Track:
        """Standing at an arc length of a line, turned against its direction."""
        path: Path2 = smooth_path([line], window_m=1.0)
        xy, heading = path.at(np.array([at_m]))
        angle = float(heading[0]) + turned_rad
        return stand_still(self.terrain, xy=xy[0], heading_rad=angle, ticks=self.ticks)


def make_actors(network: RoadNetwork, terrain: Terrain, *, ticks: int, seed: int) -> tuple[Actor, ...]:
    """All actors but the ego vehicle."""
    stage = _Stage(network, terrain, ticks=ticks, seed=seed)
    return (*_traffic(stage), *_roadside(stage), *_on_foot(stage))


def make_signals(network: RoadNetwork, *, ticks: int) -> tuple[Signal, ...]:
    """One traffic light per arm: the main road gets green at `MAIN_GREEN_FROM_S`."""
    time = np.arange(ticks) / TICK_HZ
    main = [Light.GREEN if t >= MAIN_GREEN_FROM_S else Light.RED for t in time]
    cross = [Light.GREEN if t < 1.0 else Light.YELLOW if t < MAIN_GREEN_FROM_S - 0.5 else Light.RED for t in time]
    signals = []
    for number, stop in enumerate(network.stop_lines):
        states = tuple(main if stop.arm in ("west", "east") else cross)
        signals.append(Signal(401 + number, stop.stop_id, states, _post(stop.lanes), stop.heading_rad))
    return tuple(signals)


def _post(lanes: tuple[Lane, ...]) -> Float[np.ndarray, " 2"]:
    """To the right of the stop line, behind the kerb and one metre past the line."""
    right = lanes[-1].right
    along = (right[-1] - right[-2]) / np.linalg.norm(right[-1] - right[-2])
    return np.asarray(right[-1] + along + 1.2 * np.array([along[1], -along[0]]))


def _traffic(stage: _Stage) -> list[Actor]:
    """Vehicles on the lanes."""
    net = stage.network
    west, left = net.incoming_lane("west", 1), net.incoming_lane("west", 0)
    east, north = net.incoming_lane("east", 0), net.incoming_lane("north", 0)
    ahead, beside = net.connector_of(west, Turn.STRAIGHT), net.connector_of(left, Turn.STRAIGHT)
    away, down = net.connector_of(east, Turn.STRAIGHT), net.connector_of(north, Turn.STRAIGHT)
    oncoming_lane = away.to_lane
    lead = Speed(((0.0, 5.4), (2.5, 3.4), (6.0, 8.5), (9.0, 10.0)))
    behind = Speed(((0.0, 8.0), (3.0, 6.8), (6.0, 4.5), (10.0, 4.0)))
    stopping = Speed(((0.0, 6.0), (2.0, 4.0), (4.0, 0.0), (12.0, 0.0)))
    # At time 0 it has already crossed the intersection, on its way towards the ego.
    oncoming = stage.drive(away, before_stop_m=-52.0, speed=Speed(((0.0, 9.5), (4.0, 10.5), (12.0, 11.0))))
    waiting = Speed(((0.0, 0.0), (3.3, 0.0), (6.0, 5.0), (10.0, 9.0)))
    moving = [
        (101, stage.drive(ahead, before_stop_m=12.5, speed=lead), (38, 92, 168), west),
        (102, oncoming, (188, 44, 42), oncoming_lane),
        (103, stage.drive(beside, before_stop_m=48.0, speed=behind), (236, 236, 232), left),
        (104, stage.drive(away, before_stop_m=4.5, speed=waiting), (64, 132, 92), east),
    ]
    cars = [Actor(i, Kind.CAR, stage.car_size(), c, t, lane_id=lane.lane_id) for i, t, c, lane in moving]
    truck = stage.drive(down, before_stop_m=20.0, speed=stopping)
    south = net.connector_of(west, Turn.RIGHT).to_lane
    cyclist = stage.walk(offset(south.centre, -0.9), start_m=18.0, speed=Speed(((0.0, 2.6), (10.0, 3.4))))
    return [
        *cars,
        Actor(105, Kind.TRUCK, (7.2, 2.5, 3.1), (226, 180, 58), truck, lane_id=north.lane_id),
        Actor(106, Kind.BICYCLE, (1.75, 0.65, 1.7), (40, 120, 80), cyclist, lane_id=south.lane_id),
    ]


def _roadside(stage: _Stage) -> list[Actor]:
    """Parked cars in the strip of the western arm and cones on the southern one."""
    west = stage.network.incoming_lane("west", 1)
    strip = offset(west.right, -1.3)
    length = float(arc_length(strip)[-1])
    places = [(110, 37.0, (150, 152, 158)), (111, 24.0, (96, 60, 110)), (112, 13.0, (210, 120, 40))]
    parked = [
        Actor(i, Kind.CAR, stage.car_size(), colour, stage.stand(strip, at_m=length - back), parked=True)
        for i, back, colour in places
    ]
    south = stage.network.connector_of(west, Turn.RIGHT).to_lane
    edge = offset(south.right, 0.45)
    cones = [
        Actor(120 + k, Kind.CONE, (0.36, 0.36, 0.75), (240, 104, 24), stage.stand(edge, at_m=3.0 + 2.5 * k))
        for k in range(3)
    ]
    return [*parked, *cones]


def _on_foot(stage: _Stage) -> list[Actor]:
    """One person walks along the western arm, one crosses the northern one, one waits at the south."""
    west = stage.network.incoming_lane("west", 1)
    pavement = offset(west.right, -3.6)
    along = stage.walk(pavement, start_m=float(arc_length(pavement)[-1]) - 22.0, speed=Speed(((0.0, 1.3), (9.0, 1.3))))
    crossing = stage.network.crosswalks[2]
    ends = np.stack([crossing[:2].mean(axis=0), crossing[2:].mean(axis=0)])
    line = np.linspace(ends[0] - 0.5 * (ends[1] - ends[0]), ends[1] + 1.5 * (ends[1] - ends[0]), 24)
    across = stage.walk(line, start_m=1.0, speed=Speed(((0.0, 0.8), (3.0, 1.2), (9.0, 1.2))))
    south = stage.network.connector_of(west, Turn.RIGHT).to_lane
    waiting = stage.stand(offset(south.right, -1.0), at_m=13.0, turned_rad=math.pi / 2.0)
    size = (0.5, 0.6, 1.75)
    return [
        Actor(201, Kind.PEDESTRIAN, size, (176, 40, 70), along),
        Actor(202, Kind.PEDESTRIAN, size, (40, 70, 150), across),
        Actor(203, Kind.PEDESTRIAN, (0.5, 0.6, 1.62), (228, 196, 60), waiting),
    ]
