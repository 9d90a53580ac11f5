"""Row groups `ego`, `ego_past` and `ego_future`: the vehicle that records."""

from __future__ import annotations

import pyarrow as pa

from lead_xb.schemas.column import POSE, SECONDS_US, VEC2, VEC3, Column

EGO_COLUMNS = (
    Column(
        name="ego.pose",
        type=POSE,
        unit="m, -",
        frame="global",
        sources=("carla", "navsim"),
        doc="x, y, z, qw, qx, qy, qz of the ego frame (rear axle on the ground)",
    ),
    Column(
        name="ego.speed",
        type=pa.float64(),
        unit="m/s",
        sources=("carla", "navsim"),
        doc="CARLA: speedometer (signed, forward); NAVSIM: norm of the velocity",
    ),
    Column(name="ego.velocity", type=VEC2, unit="m/s", frame="ego", sources=("navsim",), doc="x, y at the rear axle"),
    Column(name="ego.velocity_z", type=pa.float64(), unit="m/s", frame="ego", sources=("navsim",), doc="z"),
    Column(
        name="ego.acceleration",
        type=VEC2,
        unit="m/s2",
        frame="ego",
        sources=("carla", "navsim"),
        doc="x, y; CARLA: raw IMU, gravity included",
    ),
    Column(
        name="ego.acceleration_z",
        type=pa.float64(),
        unit="m/s2",
        frame="ego",
        sources=("carla", "navsim"),
        doc="z; CARLA: raw IMU, gravity included",
    ),
    Column(
        name="ego.angular_velocity",
        type=VEC3,
        unit="rad/s",
        frame="ego",
        sources=("carla", "navsim"),
        doc="about x, y, z; yaw rate counter-clockwise",
    ),
    Column(name="ego.angular_acceleration", type=VEC3, unit="rad/s2", frame="ego", sources=(), doc="about x, y, z"),
    Column(name="ego.steering_angle", type=pa.float64(), unit="rad", sources=(), doc="tyre angle, left is positive"),
)


def _track(group: str, meaning: str) -> tuple[Column, ...]:
    prefix = f"{group}."
    return (
        Column(
            name=prefix + "first_us",
            type=SECONDS_US,
            unit="us",
            sources=("carla",),
            doc=f"time of the first element relative to the row; {meaning}",
        ),
        Column(
            name=prefix + "step_us",
            type=SECONDS_US,
            unit="us",
            sources=("carla",),
            doc="time between elements, negative where the source counts backwards",
        ),
        Column(
            name=prefix + "position",
            type=pa.list_(VEC2),
            unit="m",
            frame="ego",
            sources=("carla",),
            doc="x, y of the rear axle, in source order and length",
        ),
        Column(
            name=prefix + "height",
            type=pa.list_(pa.float64()),
            unit="m",
            frame="ego",
            sources=("carla",),
            doc="z of the source's reference point on the ground",
        ),
        Column(
            name=prefix + "yaw", type=pa.list_(pa.float64()), unit="rad", frame="ego", sources=("carla",), doc="yaw"
        ),
        Column(name=prefix + "speed", type=pa.list_(pa.float64()), unit="m/s", sources=("carla",), doc="forward speed"),
        Column(name=prefix + "velocity", type=pa.list_(VEC2), unit="m/s", frame="ego", doc="x, y"),
        Column(name=prefix + "acceleration", type=pa.list_(VEC2), unit="m/s2", frame="ego", doc="x, y"),
        Column(name=prefix + "valid", type=pa.list_(pa.bool_()), doc="per element; null: all valid"),
    )


EGO_PAST_COLUMNS = _track("ego_past", "finer than the rows, as the source recorded it")
EGO_FUTURE_COLUMNS = _track("ego_future", "finer than the rows, as the source recorded it")
