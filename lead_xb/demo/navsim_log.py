"""The log of the drive: what OpenScene writes per 2 Hz frame (reference page `navsim`, sections 1.2 and 1.3)."""

from __future__ import annotations

import hashlib

import numpy as np
from jaxtyping import Float

from lead_xb.demo.actors import Actor, Kind, Light
from lead_xb.demo.drive import Drive
from lead_xb.demo.motion import TICK_HZ
from lead_xb.demo.native_nuplan import (
    CAMERA_MODEL,
    CAMERAS,
    LOCATION,
    START_US,
    TICKS_PER_FRAME,
    UTM_OFFSET_M,
    homogeneous,
    quaternion_wxyz,
    sensor_to_lidar,
)

BOX_RANGE_M = 80.0

_NAMES = {
    Kind.CAR: "vehicle",
    Kind.TRUCK: "vehicle",
    Kind.BICYCLE: "bicycle",
    Kind.PEDESTRIAN: "pedestrian",
    Kind.CONE: "traffic_cone",
}

Frame = dict[str, object]


def log_frames(drive: Drive) -> list[Frame]:
    """All frames of the log, keys in OpenScene's order; frame k is tick k * `TICKS_PER_FRAME`."""
    tokens = frame_tokens(drive)
    return [_frame(drive, log_name(drive), index=index, tokens=tokens) for index in range(len(tokens))]


def frame_tokens(drive: Drive) -> list[str]:
    """Tokens of the frames: 16 hex digits from a hash of log and tick."""
    name = log_name(drive)
    return [_token(name, "frame", str(tick)) for tick in range(0, drive.ticks, TICKS_PER_FRAME)]


def track_token(drive: Drive, actor_id: int) -> str:
    """Token of an actor's track, the same in every frame."""
    return _token(log_name(drive), "track", str(actor_id))


def log_name(drive: Drive) -> str:
    """Name of the log, in nuPlan's pattern."""
    end = (drive.ticks - 1) // TICK_HZ
    return f"2021.05.26.14.00.00_veh-{drive.seed % 100:02d}_00000_{end:05d}"


def _token(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def _frame(drive: Drive, log: str, *, index: int, tokens: list[str]) -> Frame:
    """One entry of the log, keys in OpenScene's order."""
    tick, token = index * TICKS_PER_FRAME, tokens[index]
    ego, rotation = drive.ego, drive.ego.rotation[tick]
    position = ego.position_m[tick] + UTM_OFFSET_M
    acceleration = rotation.T @ ego.acceleration_mps2[tick]
    velocity = rotation.T @ ego.velocity_mps[tick]
    spin = rotation.T @ ego.angular_velocity_radps[tick]
    quaternion = quaternion_wxyz(rotation)
    can_bus = np.concatenate([position, quaternion, acceleration, velocity, spin, np.zeros(2)])
    pose = homogeneous(rotation, position)
    return {
        "token": token,
        "frame_idx": index,
        "timestamp": START_US + tick * (1_000_000 // TICK_HZ),
        "log_name": log,
        "log_token": _token(log, "log"),
        "scene_name": "log-0000-scene-0000",
        "scene_token": _token(log, "scene"),
        "map_location": LOCATION,
        "roadblock_ids": [str(group) for group in drive.route.groups],
        "vehicle_name": log.split("_")[1],
        "can_bus": can_bus,
        "lidar_path": f"{log}/MergedPointCloud/{token}.pcd",
        "lidar2ego_translation": np.zeros(3),
        "lidar2ego_rotation": [1.0, 0.0, 0.0, 0.0],
        "ego2global_translation": can_bus[:3].copy(),
        "ego2global_rotation": can_bus[3:7].copy(),
        "ego_dynamic_state": [*velocity[:2].tolist(), *acceleration[:2].tolist()],
        "traffic_lights": _traffic_lights(drive, tick),
        "driving_command": _driving_command(drive, tick),
        "cams": _cameras(log, token),
        "sample_prev": tokens[index - 1] if index > 0 else None,
        "sample_next": tokens[index + 1] if index + 1 < len(tokens) else None,
        "ego2global": pose,
        "lidar2ego": np.eye(4),
        "lidar2global": pose.copy(),
        "anns": _annotations(drive, log, tick=tick),
    }


def _traffic_lights(drive: Drive, tick: int) -> list[tuple[int, bool]]:
    red = {signal.stop_id: signal.states[tick] is Light.RED for signal in drive.signals}
    return [(connector.connector_id, red[connector.stop_id]) for connector in drive.network.connectors]


def _driving_command(drive: Drive, tick: int) -> np.ndarray:
    """One-hot [left, straight, right, unknown]: how far the path 20 m ahead lies to the side (section 1.3)."""
    here = drive.ego_s_m[tick]
    xy, heading = drive.route.path.at(np.array([here, here + 20.0]))
    dx, dy = xy[1] - xy[0]
    left_m = -np.sin(heading[0]) * dx + np.cos(heading[0]) * dy
    command = np.zeros(4, np.int64)
    command[0 if left_m >= 2.0 else 2 if left_m <= -2.0 else 1] = 1
    return command


def _cameras(log: str, token: str) -> dict[str, dict[str, object]]:
    assert CAMERA_MODEL.distortion is not None
    return {
        name: {
            "data_path": f"{log}/{name}/{token}.jpg",
            "sensor2lidar_rotation": sensor_to_lidar(mount),
            "sensor2lidar_translation": np.array(mount.position_m),
            "cam_intrinsic": CAMERA_MODEL.intrinsics.copy(),
            "distortion": CAMERA_MODEL.distortion.copy(),
        }
        for name, mount in CAMERAS.items()
    }


def _annotations(drive: Drive, log: str, *, tick: int) -> dict[str, object]:
    position = drive.ego.position_m[tick]
    near = [a for a in drive.actors if np.linalg.norm(a.track.position_m[tick] - position) < BOX_RANGE_M]
    return {
        "gt_boxes": np.array([_box(drive, actor, tick) for actor in near]).reshape(-1, 7),
        "gt_names": np.array([_NAMES[actor.kind] for actor in near]),
        "gt_velocity_3d": np.array(
            [drive.ego.rotation[tick].T @ actor.track.velocity_mps[tick] for actor in near]
        ).reshape(-1, 3),
        "instance_tokens": [_token(log, "box", str(tick), str(actor.actor_id)) for actor in near],
        "track_tokens": [track_token(drive, actor.actor_id) for actor in near],
    }


def _box(drive: Drive, actor: Actor, tick: int) -> Float[np.ndarray, " 7"]:
    """Centre, length, width, height in the ego frame, m; heading = box yaw - ego yaw, not wrapped, rad."""
    centre = drive.ego.rotation[tick].T @ (actor.centre_m(tick) - drive.ego.position_m[tick])
    heading = actor.track.heading_rad[tick] - drive.ego.heading_rad[tick]
    return np.array([*centre, *actor.size_m, heading])
