"""Everything that a camera or a LiDAR can see: road surface, paint, houses, trees, traffic lights and actors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import shapely
from jaxtyping import Float, UInt8

from lead_xb.demo.actors import Kind, Light
from lead_xb.demo.bodies import actor_parts, house, traffic_light, tree
from lead_xb.demo.drive import Drive
from lead_xb.demo.meshes import Colour, Part
from lead_xb.demo.paths import Polyline, arc_length, offset, resample
from lead_xb.demo.roads import RoadNetwork, ring_between, strip_quads
from lead_xb.demo.terrain import Terrain
from lead_xb.demo.town import ARMS, to_world

ASPHALT, PARKING, PAVEMENT, KERB = (84, 86, 91), (96, 96, 100), (158, 152, 142), (190, 188, 182)
WHITE_PAINT, YELLOW_PAINT = (226, 228, 228), (222, 184, 62)


class Label(IntEnum):
    """What a pixel shows; the writers map these to their platform's classes."""

    NOTHING = 0
    ROAD = 1
    ROAD_LINE = 2
    VEHICLE = 3
    BICYCLE = 4
    PEDESTRIAN = 5
    CONE = 6
    TRAFFIC_LIGHT = 7
    BACKGROUND = 8


LABEL_OF_KIND = {
    Kind.CAR: Label.VEHICLE,
    Kind.TRUCK: Label.VEHICLE,
    Kind.BICYCLE: Label.BICYCLE,
    Kind.PEDESTRIAN: Label.PEDESTRIAN,
    Kind.CONE: Label.CONE,
}


@dataclass(frozen=True, slots=True)
class GroundFaces:
    """Flat pieces of the ground in drawing order: `corners` (n, k, 3) world, m; the last corner may repeat."""

    corners: Float[np.ndarray, "n k 3"]
    colours: Float[np.ndarray, "n 3"]
    labels: UInt8[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Thing:
    """A solid at one instant.

    Attributes:
        number: the actor's id, or 0.
        label: its class.
        parts: mesh in the body frame.
        position_m, rotation: world_from_body.
        size_m: length, width, height of its box (for sorting and for LiDAR).
    """

    number: int
    label: Label
    parts: tuple[Part, ...]
    position_m: Float[np.ndarray, " 3"]
    rotation: Float[np.ndarray, "3 3"]
    size_m: tuple[float, float, float]


class Scenery:
    """The drive as surfaces and solids."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self.ground = ground_faces(drive.network, drive.terrain)
        rng = np.random.default_rng((drive.seed, 1))
        self._fixed = (*_houses(drive.terrain, rng), *_trees(drive.network, drive.terrain, rng))
        self._meshes = {actor.actor_id: actor_parts(actor) for actor in drive.actors}
        self._lights = {state: traffic_light(state) for state in Light}

    def at(self, tick: int) -> tuple[Thing, ...]:
        """All solids at a tick."""
        return (*self._fixed, *self._signals(tick), *self._actors(tick))

    def _actors(self, tick: int) -> list[Thing]:
        return [
            Thing(
                number=actor.actor_id,
                label=LABEL_OF_KIND[actor.kind],
                parts=self._meshes[actor.actor_id],
                position_m=actor.track.position_m[tick],
                rotation=actor.track.rotation[tick],
                size_m=actor.size_m,
            )
            for actor in self._drive.actors
        ]

    def _signals(self, tick: int) -> list[Thing]:
        things = []
        for signal in self._drive.signals:
            # The lamps look back at the traffic that they stop.
            position, rotation = _upright(self._drive.terrain, signal.post_xy_m, signal.facing_rad + math.pi)
            parts = self._lights[signal.states[tick]]
            things.append(Thing(0, Label.TRAFFIC_LIGHT, parts, position, rotation, (0.32, 0.4, 3.45)))
        return things


def ground_faces(network: RoadNetwork, terrain: Terrain) -> GroundFaces:
    """Pavements, road, car parks and paint as flat pieces that follow the terrain."""
    pieces: list[tuple[Polyline, Colour, Label]] = []
    for ring in network.walkways:
        pieces += [(quad, PAVEMENT, Label.NOTHING) for quad in _halves(ring)]
    for group in network.groups:
        edge = group.lanes[-1].right
        pieces += [(q, KERB, Label.NOTHING) for q in strip_quads(offset(edge, 0.1), offset(edge, -0.35))]
    for ring in network.carparks:
        pieces += [(quad, PARKING, Label.ROAD) for quad in _halves(ring)]
    for group in network.groups:
        lanes = strip_quads(group.lanes[0].left, group.lanes[-1].right)
        pieces += [(quad, ASPHALT, Label.ROAD) for quad in lanes]
    pieces += [(cell, ASPHALT, Label.ROAD) for cell in _cells(network.intersection, 4.0)]
    for marking in network.markings:
        colour = YELLOW_PAINT if marking.yellow else WHITE_PAINT
        pieces += [(quad, colour, Label.ROAD_LINE) for quad in _painted(marking.line, marking.width_m)]
    for crosswalk in network.crosswalks:
        pieces += [(bar, WHITE_PAINT, Label.ROAD_LINE) for bar in _zebra(crosswalk)]
    most = max(len(ring) for ring, _, _ in pieces)
    flat = np.stack([np.concatenate([ring, np.repeat(ring[-1:], most - len(ring), axis=0)]) for ring, _, _ in pieces])
    return GroundFaces(
        corners=terrain.lift(flat),
        colours=np.array([colour for _, colour, _ in pieces], np.float64),
        labels=np.array([label for _, _, label in pieces], np.uint8),
    )


def _halves(ring: Polyline) -> Float[np.ndarray, "n 4 2"]:
    half = len(ring) // 2
    return strip_quads(ring[:half], ring[half:][::-1])


def _painted(line: Polyline, width_m: float) -> Float[np.ndarray, "n 4 2"]:
    pieces = resample(line, min(2.0, float(arc_length(line)[-1]) / 2.0))
    return strip_quads(offset(pieces, width_m / 2.0), offset(pieces, -width_m / 2.0), step_m=2.0)


def _zebra(crosswalk: Polyline) -> list[Polyline]:
    """White bars across the walking direction, 0.5 m wide with gaps of 0.5 m."""
    near, far = crosswalk[[0, 3]], crosswalk[[1, 2]]
    count = max(1, int(np.linalg.norm(near[1] - near[0]) // 1.0))
    cuts = (np.arange(count)[:, None] + np.array([0.25, 0.75])) / count
    bars = []
    for a, b in cuts.tolist():
        ends = [edge[0] + t * (edge[1] - edge[0]) for edge in (near, far) for t in (a, b)]
        bars.append(np.stack([ends[0], ends[2], ends[3], ends[1]]))
    return bars


def _cells(ring: Polyline, size_m: float) -> list[Polyline]:
    """A convex area cut along a square grid, so that each piece can follow the terrain."""
    area = shapely.Polygon(ring)
    x0, y0, x1, y1 = area.bounds
    cells = []
    for x in np.arange(x0, x1, size_m).tolist():
        for y in np.arange(y0, y1, size_m).tolist():
            cell = area.intersection(shapely.box(x, y, x + size_m, y + size_m))
            if isinstance(cell, shapely.Polygon) and cell.area > 1e-6:
                cells.append(np.array(cell.exterior.coords)[:-1])
    return cells


def _upright(
    terrain: Terrain, xy: Float[np.ndarray, " 2"], heading_rad: float
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, "3 3"]]:
    c, s = math.cos(heading_rad), math.sin(heading_rad)
    return terrain.lift(xy), np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


_HOUSES = (
    (24.0, 25.0, 16.0, 12.0, 9.6),
    (50.0, 23.0, 20.0, 12.0, 6.6),
    (74.0, 25.0, 14.0, 12.0, 12.8),
    (24.0, -26.0, 14.0, 12.0, 12.8),
    (46.0, -22.0, 18.0, 10.0, 6.6),
    (70.0, -24.0, 16.0, 12.0, 9.6),
    (-26.0, 27.0, 16.0, 14.0, 9.6),
    (-28.0, 50.0, 16.0, 14.0, 6.6),
    (-24.0, -34.0, 16.0, 12.0, 6.6),
    (-16.0, -58.0, 14.0, 12.0, 9.6),
    (34.0, -52.0, 16.0, 12.0, 6.6),
)
"""Houses: layout x, y of the centre, length, width, height, m; all beside the road."""

_WALLS: tuple[Colour, ...] = ((196, 172, 142), (176, 120, 98), (206, 204, 196), (150, 164, 172), (214, 190, 120))


def _houses(terrain: Terrain, rng: np.random.Generator) -> list[Thing]:
    things = []
    for x, y, length, width, height in _HOUSES:
        xy = to_world(np.array([[x, y]]))[0]
        position, rotation = _upright(terrain, xy, 0.6)
        size = (length, width, height)
        wall = _WALLS[int(rng.integers(len(_WALLS)))]
        things.append(Thing(0, Label.BACKGROUND, house(size, wall), position, rotation, size))
    return things


def _trees(network: RoadNetwork, terrain: Terrain, rng: np.random.Generator) -> list[Thing]:
    """Trees behind the pavements of all arms, where neither a road nor a house is."""
    paved = shapely.union_all([network.road_area(), *(shapely.Polygon(ring) for ring in network.walkways)])
    built = [shapely.Polygon(to_world(_rectangle(*entry[:4]))) for entry in _HOUSES]
    blocked = shapely.union_all([paved, *built]).buffer(2.2)
    things = []
    for arm, group in zip(ARMS, network.groups[::2], strict=True):
        middle = group.lanes[0].left
        for side in (1.0, -1.0):
            line = offset(middle, side * (arm.lanes * 3.5 + 8.5))
            for xy in resample(line, 11.0) + rng.uniform(-1.5, 1.5, 2):
                if blocked.intersects(shapely.Point(xy)):
                    continue
                height = float(rng.uniform(5.0, 7.5))
                green: Colour = (int(rng.integers(52, 90)), int(rng.integers(112, 146)), int(rng.integers(48, 70)))
                position, rotation = _upright(terrain, xy, float(rng.uniform(0.0, 1.0)))
                size = (0.3 * height, 0.3 * height, height)
                things.append(Thing(0, Label.BACKGROUND, tree(height, green), position, rotation, size))
    return things


def _rectangle(x: float, y: float, length: float, width: float) -> Polyline:
    along, across = np.array([[-0.5 * length, 0.0], [0.5 * length, 0.0]]), np.array([0.0, 0.5 * width])
    return np.array([x, y]) + ring_between(along + across, along - across)
