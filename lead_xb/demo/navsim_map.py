"""The demo town as a nuPlan map: the tables of `map.gpkg`, and the root file that lists the four locations.

Reference page `navsim`, section 1.7. Geometry is moved to UTM by `native_nuplan.UTM_OFFSET_M` and stored in longitude
and latitude. Every location must be present, so three of them are stubs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyproj
import shapely
from jaxtyping import Float

from lead_xb.demo.gpkg_writer import Layer, Value, write_geopackage
from lead_xb.demo.native_nuplan import LOCATION, PROJECTION, UTM_OFFSET_M
from lead_xb.demo.paths import Polyline
from lead_xb.demo.roads import Connector, Lane, RoadNetwork, Turn, ring_between

MAP_VERSION = "9.99.0001"
INTERSECTION_ID = 50001
STUBS = {
    "sg-one-north": "EPSG:32648",
    "us-nv-las-vegas-strip": "EPSG:32611",
    "us-pa-pittsburgh-hazelwood": "EPSG:32617",
}
_TURN_TYPE = {Turn.STRAIGHT: 0, Turn.LEFT: 1, Turn.RIGHT: 2}
_LIGHT_STOP = 2

Row = tuple[int, shapely.Geometry | None, tuple[Value, ...]]


def _columns(names: str) -> tuple[tuple[str, str], ...]:
    """Column names and SQL types from `name` (an INTEGER) or `name:TYPE`, separated by blanks."""
    return tuple((name, kind or "INTEGER") for name, _, kind in (word.partition(":") for word in names.split()))


_CONNECTOR_COLUMNS = _columns(
    "exit_lane_fid entry_lane_fid exit_lane_group_fid entry_lane_group_fid lane_group_connector_fid intersection_fid"
    " speed_limit_mps:REAL turn_type_fid traffic_light_stop_line_fids:TEXT"
)
_LANE_COLUMNS = _columns(
    "lane_fid lane_group_fid lane_index speed_limit_mps:REAL"
    " left_boundary_fid right_boundary_fid from_edge_fid to_edge_fid"
)


class _Projector:
    """World coordinates of the drive -> longitude and latitude."""

    def __init__(self) -> None:
        self._to_degrees = pyproj.Transformer.from_crs(PROJECTION, "EPSG:4326", always_xy=True)

    def degrees(self, line: Polyline) -> Float[np.ndarray, "n 2"]:
        """Longitude and latitude of each vertex."""
        x, y = (line + UTM_OFFSET_M[:2]).T
        return np.stack(self._to_degrees.transform(x, y), axis=1)

    def area(self, ring: Polyline) -> shapely.Geometry:
        """A polygon from an open ring."""
        return shapely.Polygon(self.degrees(ring))

    def line(self, line: Polyline) -> shapely.Geometry:
        """A line string."""
        return shapely.LineString(self.degrees(line))


def write_maps(network: RoadNetwork, maps: Path) -> None:
    """Write `nuplan-maps-v1.0.json` and one `map.gpkg` per location into the folder `maps`."""
    maps.mkdir(parents=True, exist_ok=True)
    entries = {name: {"version": MAP_VERSION, "layers": {}} for name in sorted([LOCATION, *STUBS])}
    (maps / "nuplan-maps-v1.0.json").write_text(json.dumps(entries))
    for name, projection in STUBS.items():
        write_geopackage(_map_path(maps, name), _stub_layers(projection))
    write_geopackage(_map_path(maps, LOCATION), _layers(network))


def _map_path(maps: Path, location: str) -> Path:
    folder = maps / location / MAP_VERSION
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "map.gpkg"


def _stub_layers(projection: str) -> list[Layer]:
    line = shapely.LineString([(0.0, 0.0), (1e-4, 1e-4)])
    columns = _columns("exit_lane_fid entry_lane_fid")
    return [
        Layer("lane_connectors", "LINESTRING", columns, [(1, line, (1, 2))]),
        _attributes([("projectedCoordSystem", projection)]),
    ]


def _attributes(pairs: list[tuple[str, str]]) -> Layer:
    rows: list[Row] = [(number, None, pair) for number, pair in enumerate(pairs, start=1)]
    return Layer("meta", None, _columns("key:TEXT value:TEXT"), rows)


def _layers(network: RoadNetwork) -> list[Layer]:
    project = _Projector()
    return [
        *_lane_layers(network, project),
        *_connector_layers(network, project),
        *_line_layers(network, project),
        *_area_layers(network, project),
        _attributes([("name", LOCATION), ("projectedCoordSystem", PROJECTION), ("version", MAP_VERSION)]),
    ]


def _boundary_ids(network: RoadNetwork) -> dict[int, tuple[int, int]]:
    """Left and right boundary of each lane and connector: two rows each, lanes first."""
    owners = [lane.lane_id for lane in network.lanes] + [c.connector_id for c in network.connectors]
    return {owner: (80001 + 2 * k, 80002 + 2 * k) for k, owner in enumerate(owners)}


def _lane_layers(network: RoadNetwork, project: _Projector) -> list[Layer]:
    boundary = _boundary_ids(network)
    lanes: list[Row] = [
        (
            lane.lane_id,
            project.area(lane.ring),
            (lane.lane_id, lane.group_id, lane.index, lane.speed_limit_mps, *boundary[lane.lane_id], 0, 0),
        )
        for lane in network.lanes
    ]
    groups: list[Row] = [
        (group.group_id, project.area(group.ring), (group.group_id, 0, 0, 0, 0)) for group in network.groups
    ]
    group_columns = _columns("lane_group_fid from_edge_fid to_edge_fid left_boundary_fid right_boundary_fid")
    return [
        Layer("lanes_polygons", "POLYGON", _LANE_COLUMNS, lanes),
        Layer("lane_groups_polygons", "POLYGON", group_columns, groups),
    ]


def _connector_layers(network: RoadNetwork, project: _Projector) -> list[Layer]:
    boundary = _boundary_ids(network)
    lines: list[Row] = []
    widths: list[Row] = []
    for number, connector in enumerate(network.connectors):
        start, end, fid = connector.from_lane, connector.to_lane, connector.connector_id
        ends = (start.lane_id, end.lane_id, start.group_id, end.group_id)
        limit = min(start.speed_limit_mps, end.speed_limit_mps)
        rule = (limit, _TURN_TYPE[connector.turn], str(connector.stop_id))
        values = (*ends, connector.group_connector_id, INTERSECTION_ID, *rule)
        lines.append((fid, project.line(connector.centre), values))
        owner = (fid, connector.group_connector_id, *boundary[fid])
        widths.append((90001 + number, project.area(connector.ring), owner))
    groups: list[Row] = []
    for fid, members in network.group_connectors().items():
        ring = ring_between(members[0].left, members[-1].right)
        ends_of_group = (members[0].from_lane.group_id, members[0].to_lane.group_id, INTERSECTION_ID)
        groups.append((fid, project.area(ring), ends_of_group))
    width_columns = _columns("lane_connector_fid lane_group_connector_fid left_boundary_fid right_boundary_fid")
    group_columns = _columns("from_lane_group_fid to_lane_group_fid intersection_fid")
    return [
        Layer("lane_connectors", "LINESTRING", _CONNECTOR_COLUMNS, lines),
        Layer("gen_lane_connectors_scaled_width_polygons", "POLYGON", width_columns, widths),
        Layer("lane_group_connectors", "POLYGON", group_columns, groups),
    ]


def _line_layers(network: RoadNetwork, project: _Projector) -> list[Layer]:
    owners: list[tuple[int, Lane | Connector]] = [(lane.lane_id, lane) for lane in network.lanes]
    ways: list[tuple[int, Lane | Connector]] = [(c.connector_id, c) for c in network.connectors]
    paths: list[Row] = []
    for number, (fid, way) in enumerate([*owners, *ways], start=100001):
        is_lane = number - 100001 < len(owners)
        reference = (1, float(fid), None) if is_lane else (1, None, float(fid))
        paths.append((number, project.line(way.centre), reference))
    boundaries: list[Row] = []
    for fid, way in [*owners, *ways]:
        for number, line in zip(_boundary_ids(network)[fid], (way.left, way.right), strict=True):
            boundaries.append((number, project.line(line), (2,)))
    return [
        Layer(
            "baseline_paths",
            "LINESTRING",
            _columns("path_type_fid lane_fid:REAL lane_connector_fid:REAL"),
            paths,
        ),
        Layer("boundaries", "LINESTRING", _columns("boundary_type_fid"), boundaries),
    ]


def _area_layers(network: RoadNetwork, project: _Projector) -> list[Layer]:
    def rows(first: int, rings: Iterable[Polyline], values: tuple[Value, ...] = ()) -> list[Row]:
        return [(first + k, project.area(ring), values) for k, ring in enumerate(rings)]

    crossings: list[Row] = []
    for number, (ring, stop) in enumerate(zip(network.crosswalks, network.stop_lines, strict=True)):
        lanes = ",".join(str(lane.lane_id) for lane in stop.lanes)
        crossings.append((71001 + number, project.area(ring), (str(INTERSECTION_ID), lanes, 1)))
    stops = rows(70001, (stop.ring for stop in network.stop_lines), (_LIGHT_STOP,))
    segments = rows(73000, (group.ring for group in network.groups))
    kinds = _columns("intersection_type_fid is_mini")
    crossing_columns = _columns("intersection_fids:TEXT lane_fids:TEXT is_marked")
    return [
        Layer("intersections", "POLYGON", kinds, rows(INTERSECTION_ID, [network.intersection], (1, 0))),
        Layer("stop_polygons", "POLYGON", _columns("stop_polygon_type_fid"), stops),
        Layer("crosswalks", "POLYGON", crossing_columns, crossings),
        Layer("walkways", "POLYGON", (), rows(72001, network.walkways)),
        Layer("carpark_areas", "POLYGON", _columns("heading:REAL"), rows(60001, network.carparks, (0.0,))),
        Layer("road_segments", "POLYGON", (), segments),
        Layer("generic_drivable_areas", "POLYGON", (), rows(74001, network.carparks)),
    ]
