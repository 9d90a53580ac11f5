"""123D by hand: one log -> rows, and the recorded values back (page `py123d-and-peers`, sections 1.3 to 1.5).

Rows are the ego states. A sensor's cell lies in the last row at or before its own time, which it carries; it is null in
the other rows.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.frame import RowKind
from lead_xb.schemas.map import map_id_of
from lead_xb.schemas.navigation import Command
from lead_xb.schemas.scene import SceneMeta
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.frame import Frame
from lead_xb.store.frames import (
    CARLA,
    invert,
    matrix_to_pose,
    points_from_ego,
    points_to_ego,
    pose_to_matrix,
    yaw_of,
)
from lead_xb.store.points import NativeCloud, pack_points
from lead_xb.store.writer import Row

from .py123d_recording import BOXES, EGO, LIGHTS, META, Log
from .py123d_rig import GROUPS, column_of, coordinates_of, features_of, key_of, rig_of
from .round_trip import Native

LABELS = {
    **{0: Category.EGO, 1: Category.VEHICLE, 2: Category.TRAIN, 3: Category.TWO_WHEELER, 4: Category.PEDESTRIAN},
    **{5: Category.ANIMAL, 6: Category.TRAFFIC_SIGN, 7: Category.TRAFFIC_CONE, 8: Category.TRAFFIC_LIGHT},
    **{9: Category.BARRIER, 10: Category.GENERIC_OBJECT, 11: Category.OTHER},
}
STATES = dict(enumerate((LightState.GREEN, LightState.YELLOW, LightState.RED, LightState.OFF, LightState.UNKNOWN)))
UUID_LENGTH = 36
COMMANDS = dict(enumerate(list(Command)[1:], 1))
"""CARLA's RoadOption counts as we do."""


def cells_of(log: Log, native: Native, imu_from_ego: np.ndarray) -> Row:
    """One row."""
    time = native[EGO]["timestamp_us"]
    world_from_ego = pose_to_matrix(native[EGO]["imu_se3"]) @ imu_from_ego
    images = {key: native[key] for key in log.keys if key.split(".")[0] in GROUPS and native[key] is not None}
    fallback = hashlib.sha256(f"{log.metadata['sync']['log_name']}/{time}".encode()).hexdigest()[:16]
    return {
        "frame.token": native["sync.uuid"] or fallback,
        "frame.timestamp_us": time,
        "frame.is_key": any(key.startswith("camera.") for key in images),
        "frame.kind": RowKind.RECORDED.value,
        "frame.sensor_poses": {
            "column": [column_of(key) for key in images],
            "pose": [image["camera_to_global_se3"] for image in images.values()],
        },
        "ego.pose": matrix_to_pose(world_from_ego),
        **_dynamic_cells(native[EGO]["dynamic_state_se3"]),
        "navigation.route_progress": native["route_position"]["progress_m"],
        "navigation.route_remaining": native["route_position"]["remaining_m"],
        **_meta_cells(native[META]),
        **_box_cells(native[BOXES], world_from_ego),
        **_light_cells(native[LIGHTS]),
        **{
            column_of(key): {"timestamp_us": image["timestamp_us"], "bytes": image["data"]}
            for key, image in images.items()
        },
        **{key: _points_cell(native[key]) for key in log.keys if key.startswith("lidar.")},
    }


def rebuild(frame: Frame) -> Native:
    """The recorded values as far as the columns hold them."""
    route = {"progress_m": frame["navigation.route_progress"], "remaining_m": frame["navigation.route_remaining"]}
    modalities = {
        BOXES: _native_boxes(frame),
        **{key_of(payload.column): _native_image(frame, payload.column) for payload in frame.rig.payloads},
        META: _native_meta(frame),
        EGO: {"timestamp_us": frame.timestamp_us, "imu_se3": None, "dynamic_state_se3": _native_dynamics(frame)},
        **{sensor.column: _native_points(frame, sensor.column) for sensor in frame.rig.points},
        "route_position": {"timestamp_us": frame.timestamp_us, **route},
        LIGHTS: _native_lights(frame),
    }
    token = frame.token if len(frame.token) == UUID_LENGTH else None
    return {"sync.uuid": token, **dict(sorted(modalities.items())), "metadata": None}


def meta_of(log: Log, imu_from_ego: np.ndarray) -> SceneMeta:
    """One scene a log. A map of its own is named after the log."""
    sync = log.metadata["sync"]
    map_id = None if log.map is None else map_id_of("py123d", sync["location"], sync["log_name"])
    rig = rig_of(log, imu_from_ego)
    return SceneMeta(
        scene_id=sync["log_name"],
        source="py123d",
        location=sync["location"],
        map_id=map_id,
        folder=sync["split"],
        rig=rig,
    )


def _dynamic_cells(state: np.ndarray) -> Row:
    return {
        "ego.speed": float(np.hypot(*state[:2])),
        "ego.velocity": state[0:2],
        "ego.velocity_z": state[2],
        "ego.acceleration": state[3:5],
        "ego.acceleration_z": state[5],
        "ego.angular_velocity": state[6:9],
    }


def _native_dynamics(frame: Frame) -> np.ndarray:
    velocity = [*frame["ego.velocity"], frame["ego.velocity_z"]]
    return np.array(
        [*velocity, *frame["ego.acceleration"], frame["ego.acceleration_z"], *frame["ego.angular_velocity"]]
    )


def _meta_cells(stream: dict[str, Any] | None) -> Row:
    """LEAD's driving meta is in CARLA's frame: y right, origin at the actor."""
    if stream is None:
        return {}
    meta = stream["data"]
    return {
        "expert.steer": meta["steer"],
        "expert.throttle": meta["throttle"],
        "expert.brake": meta["brake"],
        "expert.target_speed": meta["target_speed"],
        "expert.scenario": meta["scenario"],
        "navigation.command_raw": meta["command"],
        "navigation.command": int(COMMANDS[meta["command"]]),
        "navigation.route": points_to_ego(meta["route"].astype(np.float64), CARLA),
    }


def _native_meta(frame: Frame) -> dict[str, Any] | None:
    if frame["expert.steer"] is None:
        return None
    data = {name: frame[f"expert.{name}"] for name in ("steer", "throttle", "brake", "target_speed", "scenario")}
    route = points_from_ego(frame["navigation.route"], CARLA).astype(np.float32)
    return {
        "timestamp_us": frame.timestamp_us,
        "data": {**data, "command": frame["navigation.command_raw"], "route": route},
    }


def _box_cells(boxes: dict[str, Any] | None, world_from_ego: np.ndarray) -> Row:
    if boxes is None:
        return {}
    states = boxes["bounding_box_se3"]
    ego_from_box = invert(world_from_ego) @ pose_to_matrix(states[:, :7])
    velocities = [None if v is None else np.array(v) @ world_from_ego[:3, :3] for v in boxes["velocity_3d"]]
    return {
        "boxes.timestamp_us": boxes["timestamp_us"],
        "boxes": {
            "track_token": boxes["track_token"],
            "category": np.array([int(LABELS[label]) for label in boxes["label"]], np.int8),
            "native_class": [str(label) for label in boxes["label"]],
            "center": ego_from_box[:, :3, 3],
            "size": states[:, 7:10],
            "yaw": yaw_of(ego_from_box[:, :3, :3]),
            "rotation": matrix_to_pose(ego_from_box)[:, 3:],
            "velocity": [None if v is None else v[:2] for v in velocities],
            "velocity_z": [None if v is None else v[2] for v in velocities],
            "num_lidar_points": boxes["num_lidar_points"],
        },
    }


def _native_boxes(frame: Frame) -> dict[str, Any] | None:
    boxes = frame.boxes
    if boxes is None:
        return None
    return {
        "timestamp_us": frame["boxes.timestamp_us"],
        "bounding_box_se3": None,
        "track_token": boxes.strings("track_token"),
        "label": [int(name) for name in boxes.strings("native_class") if name is not None],
        "velocity_3d": None,
        "num_lidar_points": boxes.table.field("num_lidar_points").to_pylist(),
    }


def _light_cells(lights: dict[str, Any] | None) -> Row:
    if lights is None:
        return {}
    states = [int(STATES[status]) for status in lights["status"]]
    cells = {"lane_id": [str(id) for id in lights["lane_id"]], "state": states}
    return {"traffic_lights": cells, "traffic_lights.timestamp_us": lights["timestamp_us"]}


def _native_lights(frame: Frame) -> dict[str, Any] | None:
    lights = frame["traffic_lights"]
    if lights is None:
        return None
    statuses = {state: status for status, state in STATES.items()}
    return {
        "timestamp_us": frame["traffic_lights.timestamp_us"],
        "lane_id": [int(id) for id in lights.field("lane_id").to_pylist()],
        "status": [statuses[LightState(state)] for state in lights.field("state").to_pylist()],
    }


def _native_image(frame: Frame, column: str) -> dict[str, Any] | None:
    cell = frame[column]
    if cell is None:
        return None
    poses = {item["column"]: np.array(item["pose"]) for item in frame["frame.sensor_poses"].to_pylist()}
    stamp = {"timestamp_us": cell["timestamp_us"], "data": cell["bytes"]}
    return {**stamp, "camera_to_global_se3": poses[column], "exposure_factor": None}


def _points_cell(cloud: dict[str, Any] | None) -> Row | None:
    if cloud is None:
        return None
    data = cloud["data"]
    coordinates = np.stack(coordinates_of(data), axis=1)
    packed = pack_points(
        NativeCloud(coordinates, features_of(data), data.get("scale"), data.get("offset")),
        timestamp_us=cloud["timestamp_us"],
    )
    return {**packed, "end_timestamp_us": cloud["end_timestamp_us"]}


def _native_points(frame: Frame, column: str) -> dict[str, Any] | None:
    cloud, cell = frame.native_points(column), frame[column]
    if cloud is None:
        return None
    axes = [np.ascontiguousarray(axis) for axis in cloud.coordinates.T]
    data = {**dict(zip("xyz" if cloud.scale is None else "XYZ", axes, strict=True)), **cloud.attributes}
    header = {} if cloud.scale is None else {"scale": cloud.scale, "offset": cloud.offset}
    times = {"timestamp_us": cell["timestamp_us"], "end_timestamp_us": cell["end_timestamp_us"]}
    return {**times, "data": {**header, **data}}
