"""Map: lanes, road blocks and areas of a city, with topology and spatial queries. Coordinates are global, in m."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from jaxtyping import Bool, Float64, Int64

from lead_xb.schemas.errors import LeadXbError
from lead_xb.schemas.map import MAP_COLUMNS, Layer, MapMeta
from lead_xb.store.codec import unpack_native
from lead_xb.store.map_layer import MapLayer

_LANES = (Layer.LANE, Layer.LANE_CONNECTOR)
_ROAD_BLOCKS = (Layer.ROAD_BLOCK, Layer.ROAD_BLOCK_CONNECTOR)
_LISTS = {"predecessors", "successors", "stop_lines"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Element:
    """One element of a map: the columns of `schemas/map.py`, with shapely geometry and empty tuples for null lists.

    There is one object per element and map, so elements compare and hash by identity.
    """

    id: str
    layer: Layer
    native_layer: str
    native_row: int
    geometry: shapely.Geometry
    lane_id: str | None
    lane_layer: Layer | None
    road_block_id: str | None
    intersection_id: str | None
    predecessors: tuple[str, ...]
    successors: tuple[str, ...]
    left_boundary_id: str | None
    right_boundary_id: str | None
    lane_index: int | None
    speed_limit: float | None
    stop_lines: tuple[str, ...]
    subtype: str | None
    extra: bytes | None = field(repr=False)
    map: Map = field(repr=False)

    @property
    def native(self) -> dict[str, Any]:
        """Native columns that no column of ours holds or reproduces bit for bit."""
        return {} if self.extra is None else cast("dict[str, Any]", unpack_native(self.extra))


@dataclass(frozen=True, kw_only=True, eq=False)
class Lane(Element):
    """A lane or a lane connector. The geometry of nuPlan's connectors is a line string; `polygon` is their area."""

    @cached_property
    def polygon(self) -> shapely.Geometry:
        """The area, m; LeadXbError if the map has none."""
        if self.layer is Layer.LANE:
            return self.geometry
        return self._related(Layer.LANE_CONNECTOR_POLYGON).geometry

    @cached_property
    def centerline(self) -> Float64[np.ndarray, "vertices 2"]:
        """Vertices of the baseline path in driving direction, m, global frame; LeadXbError if the map has none."""
        return shapely.get_coordinates(self._related(Layer.CENTERLINE).geometry)

    @property
    def left_boundary(self) -> Element | None:
        """The boundary on the left; LeadXbError if the map names one that it does not hold."""
        return self._boundary("left_boundary_id")

    @property
    def right_boundary(self) -> Element | None:
        """The boundary on the right; LeadXbError if the map names one that it does not hold."""
        return self._boundary("right_boundary_id")

    @property
    def road_block(self) -> RoadBlock | None:
        """Road block of a lane, road block connector of a lane connector."""
        if self.road_block_id is None:
            return None
        return self.map.road_block(self.road_block_id, connector=self.layer is Layer.LANE_CONNECTOR)

    @property
    def incoming(self) -> tuple[Lane, ...]:
        """`predecessors`: connectors of a lane, lanes of a connector."""
        return tuple(self.map.lane(id, connector=self.layer is Layer.LANE) for id in self.predecessors)

    @property
    def outgoing(self) -> tuple[Lane, ...]:
        """`successors`: connectors of a lane, lanes of a connector."""
        return tuple(self.map.lane(id, connector=self.layer is Layer.LANE) for id in self.successors)

    def _boundary(self, column: str) -> Element | None:
        area = self if self.layer is Layer.LANE else self._related(Layer.LANE_CONNECTOR_POLYGON)
        id = getattr(area, column)
        return None if id is None else self.map.element(Layer.BOUNDARY, id)

    def _related(self, layer: Layer) -> Element:
        return self.map.of_lane(self, layer)


@dataclass(frozen=True, kw_only=True, eq=False)
class RoadBlock(Element):
    """A road block (lanes side by side) or a road block connector (lane connectors across an intersection)."""

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """Its lanes or lane connectors in native order."""
        layer = Layer.LANE if self.layer is Layer.ROAD_BLOCK else Layer.LANE_CONNECTOR
        rows = self.map.layer(layer).rows_by("road_block_id").get(self.id, [])
        return tuple(cast(Lane, self.map.elements(layer)[row]) for row in rows)

    @property
    def incoming(self) -> tuple[RoadBlock, ...]:
        """`predecessors`: connectors of a block, blocks of a connector."""
        return tuple(self.map.road_block(id, connector=self.layer is Layer.ROAD_BLOCK) for id in self.predecessors)

    @property
    def outgoing(self) -> tuple[RoadBlock, ...]:
        """`successors`: connectors of a block, blocks of a connector."""
        return tuple(self.map.road_block(id, connector=self.layer is Layer.ROAD_BLOCK) for id in self.successors)


class Map:
    """An opened map. Each layer is parsed and indexed when it is first used.

    Lists of elements are in native row order, which scoring depends on (`navsim.md` 3.3).
    """

    def __init__(self, path: Path, meta: MapMeta, table: pa.Table) -> None:
        self.path = path
        self.meta = meta
        self._table = table
        self._layers: dict[Layer, MapLayer] = {}
        self._elements: dict[Layer, list[Element]] = {}

    def __len__(self) -> int:
        return len(self._table)

    def layer(self, layer: Layer) -> MapLayer:
        """A layer column by column; empty if the map has none."""
        if layer not in self._layers:
            rows = self._table.filter(pc.equal(self._table["layer"], layer.value))
            self._layers[layer] = MapLayer(layer, rows, str(self.path))
        return self._layers[layer]

    def elements(self, layer: Layer) -> Sequence[Element]:
        """All elements of a layer: `Lane`, `RoadBlock`, or plain `Element` for the other layers."""
        if layer not in self._elements:
            self._elements[layer] = self._build(layer)
        return self._elements[layer]

    def element(self, layer: Layer, id: str) -> Element:
        """The element of that id; LeadXbError if the layer has none or several."""
        return self.elements(layer)[self.layer(layer).row(id)]

    def lane(self, id: str, *, connector: bool = False) -> Lane:
        """A lane, or a lane connector: nuPlan numbers them apart, so one id may name both."""
        return cast(Lane, self.element(Layer.LANE_CONNECTOR if connector else Layer.LANE, id))

    def road_block(self, id: str, *, connector: bool = False) -> RoadBlock:
        """A road block, or a road block connector."""
        return cast(RoadBlock, self.element(Layer.ROAD_BLOCK_CONNECTOR if connector else Layer.ROAD_BLOCK, id))

    def route_block(self, id: str) -> RoadBlock:
        """The road block of that id, else the connector: routes list both kinds, and the devkit looks in this order."""
        return self.road_block(id, connector=id not in self.layer(Layer.ROAD_BLOCK).rows_by("id"))

    def of_lane(self, lane: Lane, layer: Layer) -> Element:
        """The centerline or the polygon of a lane or lane connector; LeadXbError unless there is exactly one."""
        elements = self.elements(layer)
        rows = self.layer(layer).rows_by("lane_id").get(lane.id, [])
        found = [elements[row] for row in rows if elements[row].lane_layer is lane.layer]
        if len(found) != 1:
            raise LeadXbError(
                f"{self.path}: {lane.layer} {lane.id!r} has {len(found)} elements of layer {layer}, expected one"
            )
        return found[0]

    def query(self, layers: Layer | Iterable[Layer], geometry: shapely.Geometry) -> list[Element]:
        """Elements whose geometry intersects `geometry` (touching counts).

        Args:
            layers: one or more; results come layer by layer as given, each in native row order. The devkit queries
                lane connectors by their line strings (`LANE_CONNECTOR`); their areas are `LANE_CONNECTOR_POLYGON`.
            geometry: any shapely geometry, m, global frame.
        """
        layers = [layers] if isinstance(layers, Layer) else layers
        return [
            elements[row]
            for layer in layers
            for elements in [self.elements(layer)]
            for row in self.layer(layer).intersecting(geometry)
        ]

    def query_square(
        self, layers: Layer | Iterable[Layer], center: Float64[np.ndarray, "2"], radius: float
    ) -> list[Element]:
        """Elements whose geometry intersects the axis-aligned square of half-side `radius`.

        Not a circle: this is the devkit's proximity query (`nup:common/maps/nuplan_map/nuplan_map.py`).
        """
        (x, y), r = center, radius
        return self.query(layers, shapely.box(x - r, y - r, x + r, y + r))

    def nearest(self, layer: Layer, xy: Float64[np.ndarray, "2"]) -> tuple[Element, float]:
        """Nearest element and its distance in m (0 inside), the first of equals; LeadXbError for an empty layer."""
        row, distance = self.layer(layer).nearest(xy)
        return self.elements(layer)[row], distance

    def contains(self, layer: Layer, points: Float64[np.ndarray, "points 2"]) -> Bool[np.ndarray, " points"]:
        """Does a polygon of the layer contain the point strictly, that is not only on its edge?"""
        inside = np.zeros(len(points), bool)
        inside[self.containing(layer, points)[0]] = True
        return inside

    def containing(
        self, layer: Layer, points: Float64[np.ndarray, "points 2"]
    ) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
        """Pairs (index of the point, index into `elements(layer)`) of points strictly inside polygons, sorted."""
        return self.layer(layer).containing(points)

    def _build(self, layer: Layer) -> list[Element]:
        rows = self.layer(layer)
        kind = Lane if layer in _LANES else RoadBlock if layer in _ROAD_BLOCKS else Element
        cells: dict[str, Sequence[Any]] = {column.name: rows.column(column.name) for column in MAP_COLUMNS}
        for name in _LISTS:
            cells[name] = [tuple(cell or ()) for cell in cells[name]]
        cells["layer"] = [layer] * len(rows)
        cells["lane_layer"] = [cell and Layer(cell) for cell in cells["lane_layer"]]
        cells["geometry"] = list(rows.geometries)
        return [kind(**dict(zip(cells, row, strict=True)), map=self) for row in zip(*cells.values(), strict=True)]
