"""Row group `boxes`: everything around the ego that has a box, in source order."""

from __future__ import annotations

from enum import IntEnum

import pyarrow as pa

from lead_xb.schemas.column import POSE, QUATERNION, TIME_US, VEC2, VEC3, Column, struct_of
from lead_xb.schemas.errors import SchemaError


class Category(IntEnum):
    """What a box is, one list for every source; each adapter has one table into it."""

    OTHER = 0
    EGO = 1
    VEHICLE = 2
    MOTORCYCLE = 3
    BICYCLE = 4
    PEDESTRIAN = 5
    PARKED_VEHICLE = 6
    TRAFFIC_CONE = 7
    BARRIER = 8
    CONSTRUCTION_SIGN = 9
    GENERIC_OBJECT = 10
    TRAFFIC_LIGHT = 11
    STOP_SIGN = 12
    ANIMAL = 13
    TRAIN = 14
    TRAFFIC_SIGN = 15
    TWO_WHEELER = 16
    """A bicycle or a motorcycle: 123D does not say which."""


BOTH = ("carla", "navsim")
LEAD = ("carla",)

BOX_FIELDS = (
    Column(name="track_token", type=pa.string(), sources=BOTH, doc="stable over the scene"),
    Column(name="token", type=pa.string(), sources=("navsim",), doc="token of this box in this row"),
    Column(name="category", type=pa.int8(), nullable=False, sources=BOTH, doc="enum `Category`"),
    Column(name="native_class", type=pa.string(), sources=BOTH, doc="the source's own class name"),
    Column(name="center", type=VEC3, unit="m", frame="ego", nullable=False, sources=BOTH, doc="geometric centre"),
    Column(name="size", type=VEC3, unit="m", nullable=False, sources=BOTH, doc="full length, width, height"),
    Column(
        name="yaw",
        type=pa.float64(),
        unit="rad",
        frame="ego",
        nullable=False,
        sources=BOTH,
        doc="as the source has it, wrapped or not",
    ),
    Column(
        name="rotation",
        type=QUATERNION,
        frame="ego",
        sources=LEAD,
        doc="w, x, y, z where the source has pitch and roll",
    ),
    Column(
        name="velocity",
        type=VEC2,
        unit="m/s",
        frame="ego",
        sources=BOTH,
        doc="over ground, turned into the ego frame (CARLA: turned by the ego's yaw only)",
    ),
    Column(name="velocity_z", type=pa.float64(), unit="m/s", frame="ego", sources=("navsim",), doc="z of the same"),
    Column(name="speed", type=pa.float64(), unit="m/s", sources=LEAD, doc="forward speed"),
    Column(name="brake", type=pa.float64(), sources=LEAD, doc="brake pedal, 0 to 1"),
    Column(name="steer", type=pa.float64(), sources=LEAD, doc="steering control, -1 to 1, right is positive"),
    Column(name="throttle", type=pa.float64(), sources=LEAD, doc="throttle, 0 to 1"),
    Column(name="type_id", type=pa.string(), sources=LEAD, doc="blueprint"),
    Column(name="base_type", type=pa.string(), sources=LEAD, doc="base type of the blueprint"),
    Column(name="role_name", type=pa.string(), sources=LEAD, doc="role; 'scenario' marks actors of the scenario"),
    Column(name="mesh_path", type=pa.string(), sources=LEAD, doc="asset of a static mesh"),
    Column(name="lane_type", type=pa.string(), sources=LEAD, doc="type of the lane it stands on"),
    Column(
        name="num_lidar_points",
        type=pa.int32(),
        sources=LEAD,
        doc="the source's own count; LEAD: LiDAR and radar points of the tick in the padded box",
    ),
    Column(name="num_radar_points", type=pa.int32(), sources=LEAD, doc="radar returns inside the padded box"),
    Column(
        name="visible_pixels", type=pa.int32(), sources=LEAD, doc="camera pixels of its class inside the padded box"
    ),
    Column(name="state", type=pa.string(), sources=LEAD, doc="state of a traffic light"),
    Column(name="affects_ego", type=pa.bool_(), sources=LEAD, doc="a light or stop sign that the ego must obey"),
    Column(name="future_first_us", type=TIME_US, unit="us", sources=LEAD, doc="time of the first future element"),
    Column(name="future_step_us", type=TIME_US, unit="us", sources=LEAD, doc="time between future elements"),
    Column(
        name="future_position",
        type=pa.list_(VEC2),
        unit="m",
        frame="ego",
        sources=LEAD,
        doc="x, y of the actor's origin in this row's ego frame",
    ),
    Column(name="future_yaw", type=pa.list_(pa.float64()), unit="rad", frame="ego", sources=LEAD, doc="yaw"),
    Column(
        name="future_is_gapless",
        type=pa.bool_(),
        sources=LEAD,
        doc="false: the source left out steps without the actor, so element k may be later than step k",
    ),
)

BOX = struct_of(BOX_FIELDS)
ALL_BOX_FIELDS = tuple(column.name for column in BOX_FIELDS)


def box_fields_of(source: str) -> tuple[str, ...]:
    """Fields that an adapter fills, as their definitions say."""
    return tuple(column.name for column in BOX_FIELDS if source in column.sources)


def box_type(names: tuple[str, ...]) -> pa.StructType:
    """Type of a box with some of the fields, in the schema's order.

    A source that never fills a field leaves it out of its scenes: most of a box would otherwise be nulls, which
    Arrow stores at full width.

    Raises:
        SchemaError: a required field is left out, or a name is not a field.
    """
    if unknown := sorted(set(names) - set(ALL_BOX_FIELDS)):
        raise SchemaError(f"{unknown} are not fields of a box; known are {list(ALL_BOX_FIELDS)}")
    if missing := [column.name for column in BOX_FIELDS if not column.nullable and column.name not in names]:
        raise SchemaError(f"boxes need the fields {missing}")
    return struct_of(tuple(column for column in BOX_FIELDS if column.name in names))


BOXES_COLUMNS = (
    Column(name="boxes", type=pa.list_(BOX), sources=BOTH, doc="one element a box; null: the source has no boxes here"),
    Column(
        name="boxes.timestamp_us",
        type=TIME_US,
        unit="us",
        doc="when the boxes were observed; null: with the row. They are in the row's ego frame all the same",
    ),
    Column(
        name="boxes.pose",
        type=POSE,
        unit="m, -",
        frame="global",
        sources=("navsim",),
        doc="pose of the frame that the boxes are in, for rows without ego; null: the row's own ego pose",
    ),
)
