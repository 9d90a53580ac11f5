"""One layer of a map, column by column: ids, geometries, spatial index, look-ups. All parsed on first use."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from jaxtyping import Float64, Int64, Shaped

from lead_xb.schemas.errors import LeadXbError, SchemaError
from lead_xb.schemas.map import Layer
from lead_xb.store.wkb import GeometryError, parse_wkb, require_plausible


class MapLayer:
    """The rows of one canonical layer in native order; "row" below counts within the layer, from 0."""

    def __init__(self, layer: Layer, table: pa.Table, where: str) -> None:
        self.layer = layer
        self._table = table
        self._where = where

    def __len__(self) -> int:
        return len(self._table)

    def column(self, name: str) -> list[Any]:
        """All cells of a column of `schemas/map.py` as Python values."""
        return self._table[name].to_pylist()

    @cached_property
    def ids(self) -> list[str]:
        """Native ids as text."""
        return self.column("id")

    @cached_property
    def geometries(self) -> Shaped[np.ndarray, " rows"]:
        """Shapely geometries, m, global frame; SchemaError names the element whose bytes are damaged."""
        try:
            geometries = parse_wkb(self.column("geometry"))
            require_plausible(geometries, "coordinates that are not finite or far off")
            return geometries
        except GeometryError as error:
            raise SchemaError(
                f"{self._where}: {self.layer} {self.ids[error.row]!r}: {error.reason}; convert the map again"
            ) from error

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index over `geometries`."""
        return shapely.STRtree(self.geometries)

    def row(self, id: str) -> int:
        """Row of an id; LeadXbError if there is none, or more than one (several native layers in `other`)."""
        rows = self.rows_by("id").get(id, [])
        if len(rows) != 1:
            raise LeadXbError(f"{self._where}: {self.layer} {id!r} occurs {len(rows)} times, expected once")
        return rows[0]

    def rows_by(self, column: str) -> dict[str, list[int]]:
        """Value of a column -> its rows in native order."""
        if column not in self._rows_by:
            groups: dict[str, list[int]] = defaultdict(list)
            for row, value in enumerate(self.column(column)):
                groups[value].append(row)
            self._rows_by[column] = dict(groups)
        return self._rows_by[column]

    @cached_property
    def _rows_by(self) -> dict[str, dict[str, list[int]]]:
        return {}

    def intersecting(self, geometry: shapely.Geometry) -> Int64[np.ndarray, " found"]:
        """Rows whose geometry intersects (touching counts), in native order."""
        return np.sort(self.tree.query(geometry, predicate="intersects"))

    def nearest(self, xy: Float64[np.ndarray, "2"]) -> tuple[int, float]:
        """Nearest row and its distance in m, the first of equally near ones; LeadXbError if the layer is empty."""
        rows, distances = self.tree.query_nearest(shapely.Point(xy), return_distance=True)
        if not len(rows):
            raise LeadXbError(f"{self._where}: the map has no {self.layer} with a geometry")
        first = np.argmin(rows)
        return int(rows[first]), float(distances[first])

    def containing(
        self, points: Float64[np.ndarray, "points 2"]
    ) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
        """Which point lies in which polygon: (point, row) pairs, sorted. Strictly inside, as `shapely.contains_xy`."""
        point, row = self.tree.query(shapely.points(points))
        polygons = self.geometries[row]
        shapely.prepare(polygons)
        inside = shapely.contains_xy(polygons, points[point, 0], points[point, 1])
        point, row = point[inside], row[inside]
        order = np.lexsort((row, point))
        return point[order], row[order]
