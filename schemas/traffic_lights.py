"""Row group `traffic_lights`: states of lights that are known by lane. Lights with a box are in `boxes`."""

from __future__ import annotations

from enum import IntEnum

import pyarrow as pa

from lead_xb.schemas.column import TIME_US, Column, struct_of


class LightState(IntEnum):
    """State of a light for one lane or lane connector."""

    UNKNOWN = 0
    GREEN = 1
    YELLOW = 2
    RED = 3
    OFF = 4
    NOT_RED = 5
    """OpenScene keeps only red or not red."""


LIGHT_FIELDS = (
    Column(name="lane_id", type=pa.string(), nullable=False, sources=("navsim",), doc="id of the map element"),
    Column(name="state", type=pa.int8(), nullable=False, sources=("navsim",), doc="enum `LightState`"),
)

TRAFFIC_LIGHTS_COLUMNS = (
    Column(
        name="traffic_lights",
        type=pa.list_(struct_of(LIGHT_FIELDS)),
        sources=("navsim",),
        doc="in source order; null: the source does not say",
    ),
    Column(
        name="traffic_lights.timestamp_us",
        type=TIME_US,
        unit="us",
        doc="when the states were observed; null: with the row",
    ),
)
