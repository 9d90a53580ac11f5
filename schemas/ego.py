"""Row groups `ego`, `ego_past` and `ego_future`: the vehicle that records."""

from __future__ import annotations

import pyarrow as pa

from lead_xb.schemas.column import POSE, TIME_US, VEC2, VEC3, Column

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


def _track(group: str, *, height_from: tuple[str, ...]) -> tuple[Column, ...]:
    def column(name: str, kind: pa.DataType, doc: str, unit: str = "", sources: tuple[str, ...] = ()) -> Column:
        frame = "ego" if unit and name not in ("first_us", "step_us", "speed") else ""
        return Column(name=f"{group}.{name}", type=kind, doc=doc, unit=unit, frame=frame, sources=sources)

    numbers, lead = pa.list_(pa.float64()), ("carla",)
    return (
        column("first_us", TIME_US, "time of the first element relative to the row", "us", lead),
        column("step_us", TIME_US, "time between elements, negative where the source counts backwards", "us", lead),
        column("position", pa.list_(VEC2), "x, y of the rear axle, in source order and length", "m", lead),
        column("height", numbers, "z of the source's reference point on the ground", "m", height_from),
        column("yaw", numbers, "yaw", "rad", lead),
        column("speed", numbers, "forward speed", "m/s", lead),
        column("velocity", pa.list_(VEC2), "x, y", "m/s"),
        column("acceleration", pa.list_(VEC2), "x, y", "m/s2"),
        column("valid", pa.list_(pa.bool_()), "per element; null: all valid"),
    )


EGO_PAST_COLUMNS = _track("ego_past", height_from=())
EGO_FUTURE_COLUMNS = _track("ego_future", height_from=("carla",))
