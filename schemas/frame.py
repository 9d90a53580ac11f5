"""Row group `frame`: which instant a row is."""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

from lead_xb.schemas.column import POSE, Column, struct_of


class RowKind(StrEnum):
    """What a row records."""

    RECORDED = "recorded"
    EXTENDED = "extended"
    """A future step of a synthetic scene: objects and lights, but no ego."""


ALL = ("carla", "navsim")

SENSOR_POSE_FIELDS = (
    Column(name="column", type=pa.string(), nullable=False, doc="sensor column, as `image.front`"),
    Column(
        name="pose",
        type=POSE,
        unit="m, -",
        frame="global",
        nullable=False,
        doc="x, y, z, qw, qx, qy, qz of the sensor when it fired; cameras with OpenCV axes",
    ),
)

FRAME_COLUMNS = (
    Column(
        name="frame.token",
        type=pa.string(),
        nullable=False,
        sources=ALL,
        doc="native token, else the first 16 hex digits of sha256('scene_id/row'); unique in a store",
    ),
    Column(
        name="frame.timestamp_us",
        type=pa.int64(),
        unit="us",
        nullable=False,
        sources=ALL,
        doc="time of the row; LEAD folders have none, so frame * 250000",
    ),
    Column(
        name="frame.is_key",
        type=pa.bool_(),
        nullable=False,
        sources=ALL,
        doc="the row has the scene's key sensors; samples start at key frames",
    ),
    Column(
        name="frame.kind",
        type=pa.string(),
        nullable=False,
        sources=ALL,
        doc="'recorded', or 'extended' for a future step of a synthetic scene that has no ego",
    ),
    Column(name="frame.source_index", type=pa.int64(), sources=ALL, doc="running number of the row in its native log"),
    Column(name="frame.weather", type=pa.string(), sources=("carla",), doc="name of the weather preset"),
    Column(
        name="frame.rig",
        type=pa.string(),
        sources=ALL,
        doc="rig as JSON where it differs from the rig in the file's metadata",
    ),
    Column(
        name="frame.sensor_poses",
        type=pa.list_(struct_of(SENSOR_POSE_FIELDS)),
        doc="poses that the source records beside the ego's, as its sensors fire at other times; null: ego and rig "
        "say it all",
    ),
)
