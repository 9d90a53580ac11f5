"""The rig of a 123D log: its sensors sit in the frame of the IMU, and clouds are recorded in it."""

from __future__ import annotations

import numpy as np

from lead_xb.schemas.rig import Camera, Payload, PointSensor, Rig, Vehicle
from lead_xb.store.frames import invert, pose_to_matrix, translation

from .py123d_recording import EGO, Log
from .round_trip import rows_of

GROUPS = {"camera": "image", "camera_semantic": "semantic", "camera_depth": "depth"}
CODINGS = {"camera": "rgb", "camera_semantic": "class", "camera_depth": "depth_linear"}


def ground_of(log: Log) -> np.ndarray:
    """imu_from_ego: 123D's origin is the rear axle at the height of the IMU, ours lies below it on the ground."""
    ego = log.metadata[EGO]
    rear_axle = ego["rear_axle_to_imu_se3"]
    return translation(rear_axle[0], rear_axle[1], ego["center_to_imu_se3"][2] - ego["height"] / 2.0)


def rig_of(log: Log, imu_from_ego: np.ndarray) -> Rig:
    """The rig with what the log has; `imu_from_ego` is that of `ground_of`."""
    ego_from_imu = rows_of(invert(imu_from_ego))
    ego = log.metadata[EGO]
    return Rig(
        source_from_ego=rows_of(imu_from_ego),
        vehicle=Vehicle(
            name=ego["vehicle_name"],
            length_m=ego["length"],
            width_m=ego["width"],
            height_m=ego["height"],
            wheel_base_m=ego["wheel_base"],
            center_x_m=ego["center_to_imu_se3"][0] - ego["rear_axle_to_imu_se3"][0],
        ),
        cameras=tuple(_camera(log, key, imu_from_ego) for key in log.keys if key.startswith("camera.")),
        payloads=tuple(_payload(log, key) for key in log.keys if key.split(".")[0] in GROUPS),
        points=tuple(
            PointSensor(
                column=key,
                ego_from_sensor=ego_from_imu,
                coordinates=coordinates_of(cloud)[0].dtype.name,
                attributes={name: values.dtype.name for name, values in features_of(cloud).items()},
            )
            for key, cloud in _first_clouds(log).items()
        ),
    )


def column_of(key: str) -> str:
    """`image.pcam_f0` for `camera.pcam_f0`."""
    kind, name = key.split(".")
    return f"{GROUPS[kind]}.{name}"


def key_of(column: str) -> str:
    """The inverse of `column_of`."""
    group, name = column.split(".")
    return f"{next(kind for kind, known in GROUPS.items() if known == group)}.{name}"


def _camera(log: Log, key: str, imu_from_ego: np.ndarray) -> Camera:
    item, name = log.metadata[key], key.split(".")[1]
    fx, fy, cx, cy, skew = item["intrinsics"]
    if skew:
        raise ValueError(f"{key} has skew {skew}, which no camera model of the rig holds")
    labels = [f"{kind}.{name}" for kind in GROUPS]
    return Camera(
        name=name,
        width=item["width"],
        height=item["height"],
        model="pinhole",
        parameters={"focal": (fx, fy), "center": (cx, cy), "distortion": tuple(item["distortion"] or ())},
        ego_from_camera=rows_of(invert(imu_from_ego) @ pose_to_matrix(np.array(item["camera_to_imu_se3"]))),
        crops={column_of(label): (0, 0, item["width"], item["height"]) for label in labels if label in log.keys},
    )


def _payload(log: Log, key: str) -> Payload:
    kind, item = key.split(".")[0], log.metadata[key]
    codec = "png" if log.tables[key][f"{key}.data"][0].as_py().startswith(b"\x89PNG") else "jpeg"
    if kind != "camera_depth":
        return Payload(column=column_of(key), codec=codec, coding=CODINGS[kind])
    return Payload(
        column=column_of(key),
        codec=codec,
        coding=f"depth_{item['depth_transform']}",
        bits=item["depth_bits"],
        max_depth_m=item["max_depth"],
        min_depth_m=item["min_depth"] or None,
        invalid_code=0 if item["has_invalid"] else None,
        along_ray=item["depth_type"] == "ray_distance",
    )


def _first_clouds(log: Log) -> dict[str, dict[str, np.ndarray]]:
    lidars = [key for key in log.keys if key.startswith("lidar.")]
    return {key: next(row[key]["data"] for row in log.rows if row[key] is not None) for key in lidars}


def coordinates_of(cloud: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [cloud[name] for name in ("XYZ" if "X" in cloud else "xyz")]


def features_of(cloud: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values for name, values in cloud.items() if name not in {*"XYZxyz", "scale", "offset"}}
