"""Columns that a rig adds: encoded images, label images, point clouds, and the same under `view.<name>.`."""

from __future__ import annotations

import pyarrow as pa

from lead_xb.schemas.column import TIME_US, VEC3, Column, struct_of

IMAGE_GROUPS = ("image", "semantic", "depth", "bev_map")
POINT_GROUPS = ("lidar", "radar")

REFERENCE_FIELDS = (
    Column(name="root_id", type=pa.string(), nullable=False, doc="payload root listed in dataset.json"),
    Column(name="relative_path", type=pa.string(), nullable=False, doc="path below the root, with forward slashes"),
    Column(name="offset", type=pa.int64(), unit="bytes", nullable=False, doc="start in the file"),
    Column(name="length", type=pa.int64(), unit="bytes", nullable=False, doc="size"),
    Column(name="sha256", type=pa.binary(32), doc="of the bytes; null: not hashed at conversion"),
)
REFERENCE = struct_of(REFERENCE_FIELDS)

PAYLOAD_FIELDS = (
    Column(name="timestamp_us", type=TIME_US, unit="us", doc="when the sensor fired; null: with the row"),
    Column(name="end_timestamp_us", type=TIME_US, unit="us", doc="when its exposure or readout ended"),
    Column(name="bytes", type=pa.binary(), doc="encoded bytes as found; null where `reference` is given"),
    Column(name="reference", type=REFERENCE, doc="where the bytes lie; null where `bytes` is given"),
)
PAYLOAD = struct_of(PAYLOAD_FIELDS)

POINT_FIELDS = (
    Column(name="timestamp_us", type=TIME_US, unit="us", doc="when the sensor fired; null: with the row"),
    Column(name="end_timestamp_us", type=TIME_US, unit="us", doc="when the sweep ended"),
    Column(name="count", type=pa.int32(), doc="number of points; null where `reference` is given"),
    Column(name="scale", type=VEC3, unit="m", doc="quantum of integer coordinates; null: float coordinates"),
    Column(name="offset", type=VEC3, unit="m", frame="sensor", doc="offset of integer coordinates"),
    Column(name="x", type=pa.binary(), doc="zstd frame of the little-endian coordinates, dtype in the rig"),
    Column(name="y", type=pa.binary(), doc="as x"),
    Column(name="z", type=pa.binary(), doc="as x"),
    Column(name="reference", type=REFERENCE, doc="native file instead of points"),
)


def points_type(attributes: tuple[str, ...]) -> pa.StructType:
    """Type of a point-cloud column with further per-point attributes (intensity, age ...), one zstd cell each."""
    return pa.struct([*struct_of(POINT_FIELDS), *(pa.field(name, pa.binary()) for name in attributes)])


SENSOR_DOCS = (
    Column(
        name="image.<payload>", type=PAYLOAD, sources=("carla", "navsim"), doc="camera image, encoded bytes as found"
    ),
    Column(
        name="semantic.<payload>",
        type=PAYLOAD,
        sources=("carla",),
        doc="class or instance per pixel; coding and classes in the rig",
    ),
    Column(name="depth.<payload>", type=PAYLOAD, unit="coded", sources=("carla",), doc="planar depth; code in the rig"),
    Column(name="bev_map.<payload>", type=PAYLOAD, sources=("carla",), doc="map raster; pixel_from_ego in the rig"),
    Column(
        name="lidar.<sensor>",
        type=points_type(()),
        sources=("carla", "navsim"),
        doc="point cloud in its sensor's frame",
    ),
    Column(
        name="radar.<sensor>", type=points_type(()), sources=("carla",), doc="radar returns in their sensor's frame"
    ),
    Column(
        name="view.<name>.<column>",
        type=PAYLOAD,
        sources=("carla",),
        doc="the same column seen from a perturbed rig; view_from_ego in the rig",
    ),
)
"""Patterns for the schema page; a scene holds the columns that its rig names."""


def group_of(column: str) -> str:
    """`image` for `image.strip` and for `view.perturbed.image.strip`."""
    parts = column.split(".")
    return parts[2] if parts[0] == "view" else parts[0]


def is_sensor_column(column: str) -> bool:
    """True for columns that a rig adds."""
    return group_of(column) in IMAGE_GROUPS + POINT_GROUPS
