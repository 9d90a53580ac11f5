"""The index: one row per scene row of a store, as one Parquet file, for filters without opening scenes."""

from __future__ import annotations

import pyarrow as pa

from lead_xb.schemas.column import Column
from lead_xb.schemas.sensors import IMAGE_GROUPS, POINT_GROUPS

MODALITIES = (*IMAGE_GROUPS, *POINT_GROUPS, "boxes", "traffic_lights", "preferences")

INDEX_COLUMNS: tuple[Column, ...] = (
    Column(name="scene", type=pa.string(), nullable=False, doc="scene_id"),
    Column(name="row", type=pa.int32(), nullable=False, doc="row in the scene"),
    Column(name="token", type=pa.string(), nullable=False, doc="frame.token"),
    Column(name="timestamp_us", type=pa.int64(), nullable=False, unit="us", doc="frame.timestamp_us"),
    Column(name="is_key", type=pa.bool_(), nullable=False, doc="frame.is_key"),
    Column(name="split", type=pa.list_(pa.string()), nullable=False, doc="splits that the row belongs to"),
    Column(name="map", type=pa.string(), doc="map_id"),
    Column(name="location", type=pa.string(), doc="town, city or reconstructed place"),
    Column(name="source", type=pa.string(), nullable=False, doc="adapter"),
    Column(name="command", type=pa.int8(), doc="navigation.command"),
    Column(name="speed_mps", type=pa.float64(), unit="m/s", doc="ego.speed"),
    Column(
        name="acceleration_mps2", type=pa.float64(), unit="m/s2", doc="norm of ego.acceleration in the ground plane"
    ),
    Column(name="kind", type=pa.string(), nullable=False, doc="frame.kind"),
    Column(name="log", type=pa.string(), doc="native log that the scene is, or was made from"),
    Column(name="original_token", type=pa.string(), doc="recorded row that a synthetic scene was made from"),
    Column(name="cameras", type=pa.list_(pa.string()), nullable=False, doc="cameras of the rig that fired in the row"),
    Column(name="scenario", type=pa.string(), doc="scenario of the scene"),
    Column(name="route_status", type=pa.string(), doc="outcome of the recorded route, in the source's words"),
    Column(name="route_score", type=pa.float64(), doc="driving score of the recorded route, 0 to 100"),
    Column(name="weather", type=pa.string(), doc="frame.weather"),
    *(
        Column(name=f"has_{m}", type=pa.bool_(), nullable=False, doc=f"some {m} column of the row is filled")
        for m in MODALITIES
    ),
    Column(name="future_s", type=pa.float64(), unit="s", doc="ego future that the scene knows from this row on"),
    Column(name="past_s", type=pa.float64(), unit="s", doc="ego past that the scene knows up to this row"),
)

INDEX_SCHEMA = pa.schema([column.field for column in INDEX_COLUMNS])
