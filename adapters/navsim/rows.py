"""One frame of an OpenScene log -> the typed cells of a row, and back.

Source: reference page `navsim`, section 1.2; the frame is written by `os:create_openscene_metadata.py:140-250`.
Poses are those of the rear axle in a right-handed UTM frame, so nothing is turned or moved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from lead_xb.adapters.navsim.annotations import LOG_KEYS, box_cells, light_cells, rebuild_boxes, rebuild_lights
from lead_xb.adapters.navsim.fields import Fields
from lead_xb.adapters.navsim.payloads import native_path
from lead_xb.adapters.navsim.rig import rebuild_cameras
from lead_xb.adapters.navsim.sensors import LIDAR_COLUMN
from lead_xb.schemas.frame import RowKind
from lead_xb.schemas.navigation import Command
from lead_xb.store.frame import Frame
from lead_xb.store.lossless import MISSING

COMMANDS = (Command.LEFT, Command.STRAIGHT, Command.RIGHT, Command.UNKNOWN)
"""Meaning of the one-hot `driving_command` (reference page, section 1.3)."""


def frame_row(frame: Fields) -> dict[str, Any]:
    """Cells of a log frame without its sensors.

    Raises:
        DataError: a key is missing or its value has another type, shape or range.
    """
    can_bus = frame.numbers("can_bus", 18)
    velocity_x, velocity_y, acceleration_x, acceleration_y = map(float, frame.numbers("ego_dynamic_state", 4))
    position, rotation = frame.numbers("ego2global_translation", 3), frame.quaternion("ego2global_rotation")
    return {
        "frame.token": frame.text("token"),
        "frame.timestamp_us": frame.integer("timestamp"),
        "frame.is_key": True,
        "frame.kind": RowKind.RECORDED.value,
        "frame.source_index": frame.integer("frame_idx"),
        "ego.pose": np.concatenate([position, rotation]),
        "ego.speed": math.hypot(velocity_x, velocity_y),
        "ego.velocity": (velocity_x, velocity_y),
        "ego.velocity_z": float(can_bus[12]),
        "ego.acceleration": (acceleration_x, acceleration_y),
        "ego.acceleration_z": float(can_bus[9]),
        "ego.angular_velocity": can_bus[13:16],
        **command_cells(frame),
        "navigation.road_blocks": frame.texts("roadblock_ids"),
        "boxes": box_cells(frame.fields("anns"), LOG_KEYS) if "anns" in frame else None,
        "traffic_lights": light_cells(frame),
    }


def command_cells(status: Fields) -> dict[str, Any]:
    """The command cells from a one-hot vector of length 4; DataError if it is none."""
    vector = status.numbers("driving_command", 4)
    if sorted(vector) != [0, 0, 0, 1]:
        raise status.error("driving_command", "a one-hot vector of 4: left, straight, right, unknown")
    raw = int(vector.argmax())
    return {"navigation.command": int(COMMANDS[raw]), "navigation.command_raw": raw}


def rebuild_command(frame: Frame) -> np.ndarray:
    """The one-hot vector, int64 (4,)."""
    return np.eye(4, dtype=np.int64)[frame["navigation.command_raw"]]


def rebuild(frame: Frame) -> dict[str, Any]:
    """The native dictionary of a row as far as its columns hold it, keys in the order of OpenScene's writer."""
    pose = frame["ego.pose"]
    velocity, acceleration = frame["ego.velocity"], frame["ego.acceleration"]
    heights = frame["ego.acceleration_z"], frame["ego.velocity_z"]
    ego2global = pose_matrix(pose)
    before, after = _neighbours(frame)
    native = {
        "token": frame.token,
        "frame_idx": frame["frame.source_index"],
        "timestamp": frame.timestamp_us,
        "log_name": frame.meta.scene_id,
        **dict.fromkeys(("log_token", "scene_name", "scene_token"), MISSING),
        "map_location": frame.meta.location,
        "roadblock_ids": frame["navigation.road_blocks"],
        "vehicle_name": MISSING,
        "can_bus": np.concatenate(
            [pose, acceleration, heights[:1], velocity, heights[1:], frame["ego.angular_velocity"], np.zeros(2)]
        ),
        "lidar_path": native_path(frame, LIDAR_COLUMN),
        "lidar2ego_translation": np.zeros(3),
        "lidar2ego_rotation": [1.0, 0.0, 0.0, 0.0],
        "ego2global_translation": pose[:3],
        "ego2global_rotation": pose[3:],
        "ego_dynamic_state": [*velocity.tolist(), *acceleration.tolist()],
        "traffic_lights": rebuild_lights(frame["traffic_lights"]),
        "driving_command": rebuild_command(frame),
        "cams": rebuild_cameras(frame),
        "sample_prev": before,
        "sample_next": after,
        "ego2global": ego2global,
        "lidar2ego": np.eye(4),
        "lidar2global": ego2global,
    }
    boxes = frame["boxes"]
    return native if boxes is None else {**native, "anns": rebuild_boxes(boxes, LOG_KEYS)}


def pose_matrix(pose: Float64[np.ndarray, "7"]) -> Float64[np.ndarray, "4 4"]:
    """The 4x4 of a pose x, y, z, qw, qx, qy, qz with the very bits that OpenScene's writer gets.

    It multiplies two 4x4 matrices with numpy, on processors that fuse multiplication and addition. That is
    done here in whole numbers with one rounding each, so that the result does not depend on the reader's
    processor; `store.frames.pose_to_matrix` is the one to compute with.
    """
    ratios = [value.as_integer_ratio() for value in pose[3:].tolist()]
    unit = max(denominator for _, denominator in ratios)  # all of them are powers of two
    w, x, y, z = (numerator * (unit // denominator) for numerator, denominator in ratios)
    rows = ((x, w, -z, y), (y, z, w, -x), (z, -y, x, w))
    columns = ((x, w, z, -y), (y, -z, w, x), (z, y, -x, w))
    matrix = np.eye(4)
    matrix[:3, :3] = [[_fused_dot(row, column, unit * unit) for column in columns] for row in rows]
    matrix[:3, 3] = pose[:3]
    return matrix


def _fused_dot(left: Sequence[int], right: Sequence[int], unit: int) -> float:
    """The dot product of numbers in units of 1 / sqrt(unit), rounded to a float after each term."""
    rounded, total = 0.0, 0
    for a, b in zip(left, right, strict=True):
        rounded = (a * b + total) / unit
        numerator, denominator = rounded.as_integer_ratio()
        total = numerator * (unit // denominator)
    return rounded


def _neighbours(frame: Frame) -> tuple[str | None, str | None]:
    """Tokens before and after in the record batch; at its edges, and beside dropped frames, `extra` knows better."""
    tokens = frame.batch.column("frame.token")
    before = tokens[frame.row - 1].as_py() if frame.row > 0 else None
    after = tokens[frame.row + 1].as_py() if frame.row + 1 < len(tokens) else None
    return before, after
