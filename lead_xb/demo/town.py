"""The layout of the demo town: one signalised intersection of a four-lane and a two-lane road.

The western arm, on which the ego vehicle arrives, comes out of a curve. Layout coordinates have the intersection
at the origin and the main road along x; the world is the layout turned and moved, so that nothing is aligned
with the axes and no vertex falls on a pixel edge by accident.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import shapely

from lead_xb.demo.paths import Polyline, arc_line, offset, turn_line
from lead_xb.demo.roads import (
    Connector,
    Lane,
    LaneGroup,
    Marking,
    RoadNetwork,
    StopLine,
    Turn,
    dashes,
    ring_between,
)

LANE_WIDTH_M = 3.5
LAYOUT_HEADING_RAD = 0.6
LAYOUT_ORIGIN_M = (40.0, -25.0)

WALKWAY_M = (0.35, 2.6)
PARKING_M = (0.0, 2.4)
PARKING_WALKWAY_M = (2.4, 4.6)
"""Begin and end of the strips beside the road, from its edge outwards, m."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One road out of the intersection.

    Attributes:
        name: compass name.
        start_m: where the arm begins, layout, m.
        heading_rad: outward direction at the start, layout.
        pieces: (length m, curvature 1/m) outward.
        lanes: number of lanes per direction.
        speed_limit_mps: m/s.
        parking_m: from-to distance from the intersection of the parking strip of the incoming side, m.
    """

    name: str
    start_m: tuple[float, float]
    heading_rad: float
    pieces: tuple[tuple[float, float], ...]
    lanes: int
    speed_limit_mps: float
    parking_m: tuple[float, float] | None = None


ARMS = (
    Arm("west", (-12.0, 0.0), math.pi, ((12.0, 0.0), (45.0, -1 / 60.0), (60.0, 0.0)), 2, 13.4, (9.0, 42.0)),
    Arm("east", (12.0, 0.0), 0.0, ((75.0, 0.0),), 2, 13.4),
    Arm("north", (0.0, 15.0), math.pi / 2, ((60.0, 0.0),), 1, 9.0),
    Arm("south", (0.0, -15.0), -math.pi / 2, ((15.0, 0.0), (70.0, 1 / 90.0)), 1, 9.0),
)


def to_world(layout: Polyline) -> Polyline:
    """Layout coordinates (n, 2), m -> world."""
    c, s = math.cos(LAYOUT_HEADING_RAD), math.sin(LAYOUT_HEADING_RAD)
    return np.asarray(layout @ np.array([[c, s], [-s, c]]) + np.array(LAYOUT_ORIGIN_M))


def build_town() -> RoadNetwork:
    """The road network of the drive, world frame."""
    outward = {arm.name: _outward(arm) for arm in ARMS}
    incoming, outgoing = {}, {}
    for number, arm in enumerate(ARMS):
        incoming[arm.name] = _group(arm, outward[arm.name][::-1], 2 * number)
        outgoing[arm.name] = _group(arm, outward[arm.name], 2 * number + 1)
    groups = tuple(group for arm in ARMS for group in (incoming[arm.name], outgoing[arm.name]))
    stops = tuple(_stop_line(arm, incoming[arm.name], 70001 + number) for number, arm in enumerate(ARMS))
    corners = [end for group in groups for end in _inner_corners(group, group in incoming.values())]
    hull = shapely.MultiPoint(np.array(corners)).convex_hull
    return RoadNetwork(
        lanes=tuple(lane for group in groups for lane in group.lanes),
        groups=groups,
        connectors=_connectors(incoming, outgoing, stops),
        stop_lines=stops,
        markings=tuple(m for arm in ARMS for m in _markings(arm, outward[arm.name], incoming[arm.name])),
        intersection=np.array(hull.exterior.coords)[:-1],
        crosswalks=tuple(_crosswalk(arm) for arm in ARMS),
        walkways=tuple(ring for arm in ARMS for ring in _walkways(arm, outward[arm.name])),
        carparks=tuple(_carpark(arm, outward[arm.name]) for arm in ARMS if arm.parking_m is not None),
    )


def _outward(arm: Arm) -> Polyline:
    return to_world(np.array(arm.start_m) + arc_line(list(arm.pieces), heading_rad=arm.heading_rad))


def _group(arm: Arm, line: Polyline, number: int) -> LaneGroup:
    """The lanes to the right of a road's middle line, in the line's direction."""
    group_id = 10001 + number
    lanes = []
    for index in range(arm.lanes):
        near, far = -index * LANE_WIDTH_M, -(index + 1) * LANE_WIDTH_M
        centre = offset(line, (near + far) / 2.0)
        lane_id = 20001 + 2 * number + index
        left, right = offset(line, near), offset(line, far)
        lanes.append(Lane(lane_id, group_id, index, centre, left, right, arm.speed_limit_mps))
    return LaneGroup(group_id, tuple(lanes))


def _inner_corners(group: LaneGroup, incoming: bool) -> Polyline:
    end = -1 if incoming else 0
    return np.stack([group.lanes[0].left[end], group.lanes[-1].right[end]])


def _turn(from_lane: Lane, to_lane: Lane) -> Turn:
    a, b = from_lane.centre[-1] - from_lane.centre[-2], to_lane.centre[1] - to_lane.centre[0]
    angle = math.atan2(a[0] * b[1] - a[1] * b[0], float(a @ b))
    if abs(angle) < math.pi / 4:
        return Turn.STRAIGHT
    return Turn.LEFT if angle > 0 else Turn.RIGHT


def _lane_pairs(start: LaneGroup, end: LaneGroup) -> list[tuple[Lane, Lane]]:
    turn = _turn(start.lanes[0], end.lanes[0])
    if turn is Turn.STRAIGHT:
        return list(zip(start.lanes, end.lanes, strict=False))
    side = 0 if turn is Turn.LEFT else -1
    return [(start.lanes[side], end.lanes[side])]


def _connectors(
    incoming: dict[str, LaneGroup], outgoing: dict[str, LaneGroup], stops: tuple[StopLine, ...]
) -> tuple[Connector, ...]:
    stop_of = {stop.arm: stop.stop_id for stop in stops}
    found: list[Connector] = []
    pairs = [(a, b) for a, b in itertools.product(incoming, outgoing) if a != b]
    for number, (a, b) in enumerate(pairs):
        for start, end in _lane_pairs(incoming[a], outgoing[b]):
            found.append(
                Connector(
                    connector_id=30001 + len(found),
                    group_connector_id=40001 + number,
                    from_lane=start,
                    to_lane=end,
                    turn=_turn(start, end),
                    centre=turn_line(start.centre, end.centre),
                    left=turn_line(start.left, end.left),
                    right=turn_line(start.right, end.right),
                    stop_id=stop_of[a],
                )
            )
    return tuple(found)


def _stop_line(arm: Arm, group: LaneGroup, stop_id: int) -> StopLine:
    inward = group.lanes[0].centre[-1] - group.lanes[0].centre[-2]
    inward /= np.linalg.norm(inward)
    a, b = group.lanes[0].left[-1], group.lanes[-1].right[-1]
    ring = np.stack([a - 1.5 * inward, a, b, b - 1.5 * inward])
    return StopLine(stop_id, arm.name, group.lanes, ring, math.atan2(inward[1], inward[0]))


def _markings(arm: Arm, outward: Polyline, incoming: LaneGroup) -> list[Marking]:
    half = arm.lanes * LANE_WIDTH_M
    lines = [Marking(offset(outward, side), False, False, 0.15) for side in (half - 0.15, 0.15 - half)]
    lines.append(Marking(outward, False, True, 0.15))
    for index in range(1, arm.lanes):
        for side in (index * LANE_WIDTH_M, -index * LANE_WIDTH_M):
            lines += [Marking(dash, True, False, 0.15) for dash in dashes(offset(outward, side))]
    ends = np.stack([incoming.lanes[0].left[-1], incoming.lanes[-1].right[-1]])
    inward = incoming.lanes[0].centre[-1] - incoming.lanes[0].centre[-2]
    lines.append(Marking(ends - 0.4 * inward / np.linalg.norm(inward), False, False, 0.4))
    return lines


def _crosswalk(arm: Arm) -> Polyline:
    inner = -np.array([math.cos(arm.heading_rad), math.sin(arm.heading_rad)])
    side = np.array([-inner[1], inner[0]]) * (arm.lanes * LANE_WIDTH_M - 0.3)
    near, far = np.array(arm.start_m) + 0.8 * inner, np.array(arm.start_m) + 3.4 * inner
    return to_world(np.stack([near + side, far + side, far - side, near - side]))


def _walkways(arm: Arm, outward: Polyline) -> list[Polyline]:
    half = arm.lanes * LANE_WIDTH_M
    # The incoming side lies to the left of the outward line.
    spans = {1.0: PARKING_WALKWAY_M if arm.parking_m else WALKWAY_M, -1.0: WALKWAY_M}
    return [
        ring_between(offset(outward, side * (half + far)), offset(outward, side * (half + near)))
        for side, (near, far) in spans.items()
    ]


def _carpark(arm: Arm, outward: Polyline) -> Polyline:
    assert arm.parking_m is not None
    start, end = (round(value) for value in arm.parking_m)
    half = arm.lanes * LANE_WIDTH_M
    near, far = (offset(outward, half + side)[start : end + 1] for side in PARKING_M)
    return ring_between(far, near)
