"""A canonical map: one Arrow file, one row per element of the native map, in native order."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lead_xb.schemas.column import Column
from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.versions import CURRENT, known_fields, require_readable

MAP_METADATA_KEY = b"lead_xb_map"
_ADVICE = "restore the map or convert it again"


class Layer(StrEnum):
    """What a map element is, one list for every source."""

    LANE = "lane"
    LANE_CONNECTOR = "lane_connector"
    LANE_CONNECTOR_POLYGON = "lane_connector_polygon"
    ROAD_BLOCK = "road_block"
    ROAD_BLOCK_CONNECTOR = "road_block_connector"
    CENTERLINE = "centerline"
    BOUNDARY = "boundary"
    INTERSECTION = "intersection"
    CROSSWALK = "crosswalk"
    WALKWAY = "walkway"
    STOP_AREA = "stop_area"
    CARPARK = "carpark"
    GENERIC_DRIVABLE = "generic_drivable"
    ROAD_SEGMENT = "road_segment"
    OTHER = "other"


_N = ("navsim",)
IDS = pa.list_(pa.string())

MAP_COLUMNS: tuple[Column, ...] = (
    Column(
        name="id", type=pa.string(), nullable=False, sources=_N, doc="native id as text; unique within native_layer"
    ),
    Column(name="layer", type=pa.string(), nullable=False, sources=_N, doc="enum `Layer`"),
    Column(name="native_layer", type=pa.string(), nullable=False, sources=_N, doc="the source's own layer name"),
    Column(name="native_row", type=pa.int64(), nullable=False, sources=_N, doc="row in the native layer, from 0"),
    Column(
        name="geometry",
        type=pa.binary(),
        nullable=False,
        unit="m",
        frame="global",
        sources=_N,
        doc="WKB: polygons of areas, line strings of centre lines, boundaries and lane connectors; empty where the "
        "source has none",
    ),
    Column(
        name="lane_id", type=pa.string(), sources=_N, doc="lane or lane connector that a centerline or polygon is of"
    ),
    Column(name="lane_layer", type=pa.string(), sources=_N, doc="layer of `lane_id`: lane or lane_connector"),
    Column(name="road_block_id", type=pa.string(), sources=_N, doc="road block (connector) of a lane (connector)"),
    Column(name="intersection_id", type=pa.string(), sources=_N, doc="intersection it lies in"),
    Column(
        name="predecessors", type=IDS, sources=_N, doc="lanes (road blocks) that lead into a connector, and inverse"
    ),
    Column(name="successors", type=IDS, sources=_N, doc="lanes (road blocks) that a connector leads to, and inverse"),
    Column(name="left_boundary_id", type=pa.string(), sources=_N, doc="boundary on the left"),
    Column(name="right_boundary_id", type=pa.string(), sources=_N, doc="boundary on the right"),
    Column(name="lane_index", type=pa.int32(), sources=_N, doc="0 is the left-most lane of its road block"),
    Column(name="speed_limit", type=pa.float64(), unit="m/s", sources=_N, doc="legal limit"),
    Column(name="stop_lines", type=IDS, sources=_N, doc="stop areas of the lights that govern a connector"),
    Column(name="subtype", type=pa.string(), sources=_N, doc="native type code of stop areas, turns and boundaries"),
    Column(
        name="extra",
        type=pa.binary(),
        sources=_N,
        doc="zstd of msgpack: native columns that no column holds or that it does not reproduce bit for bit",
    ),
)


@dataclass(frozen=True, kw_only=True)
class MapMeta:
    """What is true of a whole map.

    Attributes:
        map_id: `<source>-<location>-<version>`, also the file name.
        source: adapter that wrote it.
        location: town or city.
        map_version: version of the native map.
        crs: coordinate reference system of the geometry (`EPSG:32619`), None for a local frame; metres, x and y.
        native: the native map's own key-value metadata.
        layers: native layer -> number of rows; set by the writer.
        version: schema version.
    """

    map_id: str
    source: str
    location: str
    map_version: str
    crs: str | None
    native: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, int] = field(default_factory=dict)
    version: str = CURRENT

    def to_json(self) -> str:
        """Canonical JSON text for the file's metadata."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, where: str) -> MapMeta:
        """The inverse of `to_json`; SchemaError names `where`."""
        try:
            data = json.loads(text)
            require_readable(data["version"], where)
            meta = cls(**known_fields(cls, data))
            texts = [meta.map_id, meta.source, meta.location, meta.map_version, *meta.native.values()]
            if not all(isinstance(value, str) for value in texts) or not isinstance(meta.crs, str | None):
                raise TypeError("text expected")
            if not all(type(count) is int for count in meta.layers.values()):
                raise TypeError("row counts expected")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SchemaError(f"{where}: the map's metadata is damaged ({error!r}); {_ADVICE}") from error
        return meta


def map_id_of(source: str, location: str, map_version: str) -> str:
    """`<source>-<location>-<version>`: what scenes and files call a map."""
    return f"{source}-{location}-{map_version}"


def map_schema(meta: MapMeta) -> pa.Schema:
    """Arrow schema of a map file."""
    return pa.schema([column.field for column in MAP_COLUMNS], metadata={MAP_METADATA_KEY: meta.to_json().encode()})


def map_meta(schema: pa.Schema, where: str) -> MapMeta:
    """Metadata of an opened map; SchemaError if the file is no map."""
    metadata = schema.metadata or {}
    if MAP_METADATA_KEY not in metadata:
        raise SchemaError(f"{where}: an Arrow file, but not a lead_xb map (no {MAP_METADATA_KEY.decode()!r} metadata)")
    try:
        text = metadata[MAP_METADATA_KEY].decode()
    except UnicodeDecodeError as error:
        raise SchemaError(f"{where}: the map's metadata is not UTF-8; {_ADVICE}") from error
    return MapMeta.from_json(text, where)


def validate_map_schema(schema: pa.Schema, where: str) -> None:
    """Every column that we know is there once with its type; unknown ones belong to a later minor."""
    if len(set(schema.names)) != len(schema):
        raise SchemaError(f"{where}: a column name occurs twice; {_ADVICE}")
    for column in MAP_COLUMNS:
        if column.name not in schema.names:
            raise SchemaError(f"{where}: column {column.name!r} is missing; {_ADVICE}")
        if (kind := schema.field(column.name).type) != column.type:
            raise SchemaError(f"{where}: column {column.name!r} has type {kind}, expected {column.type}; {_ADVICE}")


def validate_map(table: pa.Table, meta: MapMeta, where: str) -> None:
    """Arrow's own full validation, then the rules of a map; a table that passes can be read without a crash.

    Raises:
        SchemaError: damaged data, a null in a required column, an unknown layer, rows of a native layer that are
            not together, not in order, not as many as the metadata says, or with an id twice.
    """
    try:
        table.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowIndexError) as error:
        raise SchemaError(f"{where}: Arrow data is damaged ({error}); {_ADVICE}") from error
    for column in MAP_COLUMNS:
        if not column.nullable and table[column.name].null_count:
            raise SchemaError(f"{where}: column {column.name!r} has nulls but must not; {_ADVICE}")
    for name, known in (("layer", set(Layer)), ("lane_layer", {Layer.LANE, Layer.LANE_CONNECTOR, None})):
        if unknown := set(pc.unique(table[name]).to_pylist()) - known:
            raise SchemaError(f"{where}: column {name!r} has the unknown values {sorted(unknown)}; {_ADVICE}")
    counts = _native_layer_counts(table, where)
    if counts != dict(meta.layers):
        raise SchemaError(f"{where}: rows per native layer are {counts}, the metadata says {meta.layers}; {_ADVICE}")


def _native_layer_counts(table: pa.Table, where: str) -> dict[str, int]:
    """Rows of each native layer; each must be one run of rows counted from 0, with ids that differ."""
    start = 0
    counts: dict[str, int] = {}
    for name, run in groupby(table["native_layer"].to_pylist()):
        rows = table.slice(start, sum(1 for _ in run))
        in_order = np.array_equal(rows["native_row"].to_numpy(), np.arange(len(rows)))
        if name in counts or not in_order or pc.count_distinct(rows["id"]).as_py() != len(rows):
            raise SchemaError(
                f"{where}: native layer {name!r} is not one run of rows 0, 1, ... with distinct ids; {_ADVICE}"
            )
        counts[name] = len(rows)
        start += len(rows)
    return counts
