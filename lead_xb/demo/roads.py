"""The road network of the synthetic drive: what a map holds, without any platform's format.

World frame: ISO, x and y in metres. Ids follow nuPlan's habit of one number range per kind; both native writers
draw from these same objects, which is why their maps must agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import shapely
from jaxtyping import Float

from lead_xb.demo.paths import Polyline, arc_length, resample


class Turn(Enum):
    """Manoeuvre of a lane connector."""

    STRAIGHT = "straight"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane of an arm.

    Attributes:
        lane_id, group_id: ids of the lane and of its group (nuPlan: roadblock).
        index: 0 is the left-most lane of its group.
        centre, left, right: polylines in the direction of travel.
        speed_limit_mps: m/s.
    """

    lane_id: int
    group_id: int
    index: int
    centre: Polyline
    left: Polyline
    right: Polyline
    speed_limit_mps: float

    @property
    def ring(self) -> Polyline:
        """Corners of the lane's area, open ring."""
        return ring_between(self.left, self.right)


@dataclass(frozen=True, slots=True)
class Connector:
    """A lane through the intersection, from `from_lane` to `to_lane`; `stop_id` is the stop line before it."""

    connector_id: int
    group_connector_id: int
    from_lane: Lane
    to_lane: Lane
    turn: Turn
    centre: Polyline
    left: Polyline
    right: Polyline
    stop_id: int

    @property
    def ring(self) -> Polyline:
        """Corners of the connector's area, open ring."""
        return ring_between(self.left, self.right)

    @property
    def way(self) -> list[Polyline]:
        """Lane centres of the whole way through the intersection along this connector."""
        return [self.from_lane.centre, self.centre, self.to_lane.centre]


@dataclass(frozen=True, slots=True)
class LaneGroup:
    """Parallel lanes of one direction of one arm (nuPlan: roadblock); `lanes` from left to right."""

    group_id: int
    lanes: tuple[Lane, ...]

    @property
    def ring(self) -> Polyline:
        """Corners of the group's area, open ring."""
        return ring_between(self.lanes[0].left, self.lanes[-1].right)


@dataclass(frozen=True, slots=True)
class StopLine:
    """Where traffic of one arm waits for its light.

    Attributes:
        stop_id: id.
        arm: name of the arm.
        lanes: the incoming lanes, left to right.
        ring: the area in front of the line in which a car counts as waiting, open ring.
        heading_rad: direction of the traffic that it stops.
    """

    stop_id: int
    arm: str
    lanes: tuple[Lane, ...]
    ring: Polyline
    heading_rad: float


@dataclass(frozen=True, slots=True)
class Marking:
    """A painted line of `width_m`; `broken` ones are already cut into dashes; `yellow` or white."""

    line: Polyline
    broken: bool
    yellow: bool
    width_m: float


@dataclass(frozen=True, slots=True)
class RoadNetwork:
    """Everything that is fixed to the ground. Areas are open rings (n, 2)."""

    lanes: tuple[Lane, ...]
    groups: tuple[LaneGroup, ...]
    connectors: tuple[Connector, ...]
    stop_lines: tuple[StopLine, ...]
    markings: tuple[Marking, ...]
    intersection: Polyline
    crosswalks: tuple[Polyline, ...]
    walkways: tuple[Polyline, ...]
    carparks: tuple[Polyline, ...]

    def lane(self, lane_id: int) -> Lane:
        """The lane with this id."""
        return next(lane for lane in self.lanes if lane.lane_id == lane_id)

    def incoming_lane(self, arm: str, index: int) -> Lane:
        """The lane of an arm that leads to the intersection; index 0 is the left-most."""
        return next(stop for stop in self.stop_lines if stop.arm == arm).lanes[index]

    def connector_of(self, lane: Lane, turn: Turn) -> Connector:
        """The connector that leaves `lane` with this manoeuvre."""
        return next(c for c in self.connectors if c.from_lane is lane and c.turn is turn)

    def group_connectors(self) -> dict[int, tuple[Connector, ...]]:
        """Connectors of each group connector (nuPlan: roadblock connector), left to right."""
        ids = sorted({connector.group_connector_id for connector in self.connectors})
        return {i: tuple(c for c in self.connectors if c.group_connector_id == i) for i in ids}

    def road_area(self) -> shapely.Geometry:
        """Union of lanes, connectors and the intersection: what both platforms call road."""
        rings = [lane.ring for lane in self.lanes] + [connector.ring for connector in self.connectors]
        return shapely.union_all([shapely.Polygon(ring) for ring in [*rings, self.intersection]])


def ring_between(left: Polyline, right: Polyline) -> Polyline:
    """Open ring round the area between two lines of the same direction."""
    return np.concatenate([left, right[::-1]])


def dashes(line: Polyline, *, on_m: float = 3.0, off_m: float = 4.5) -> list[Polyline]:
    """The line cut into dashes of `on_m` with gaps of `off_m`."""
    s = arc_length(line)
    starts = np.arange(off_m / 2.0, float(s[-1]) - on_m, on_m + off_m)
    cuts = [np.linspace(start, start + on_m, 4) for start in starts]
    return [np.stack([np.interp(cut, s, line[:, k]) for k in (0, 1)], axis=-1) for cut in cuts]


def strip_quads(left: Polyline, right: Polyline, *, step_m: float = 2.5) -> Float[np.ndarray, "n 4 2"]:
    """The area between two lines as quadrilaterals of about `step_m` length."""
    count = max(2, round(float(arc_length(left)[-1]) / step_m) + 1)
    a, b = (resample(line, float(arc_length(line)[-1]) / (count - 1)) for line in (left, right))
    return np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1)
