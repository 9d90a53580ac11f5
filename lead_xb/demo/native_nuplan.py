"""nuPlan's and OpenScene's conventions, written from their documentation and not from `store/frames.py`.

The demo's native writers are the witnesses that catch a frame mistake in the library. A witness that used the
library's own conversions would repeat its mistakes, so these few formulas exist twice on purpose.

Conventions (reference page `navsim`, sections 1.2 and 2): global frame = UTM, right-handed, z up; ego frame = rear
axle, x forward, y left, z up; quaternions w, x, y, z; boxes by their centre; camera axes x right, y down, z forward
with p_lidar = R p_camera + t; the merged point cloud is already in the ego frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lead_xb.demo.camera import CameraModel, CameraPose

UTM_OFFSET_M = np.array([330_000.0, 4_690_000.0, 12.0])
"""NAVSIM global = ISO world of the drive + this offset (UTM zone 19N, m). No rotation."""

LOCATION = "us-ma-boston"
PROJECTION = "EPSG:32619"

START_US = 1_622_000_000_000_000
"""Time stamp of tick 0, microseconds since the epoch."""

TICKS_PER_FRAME = 10
"""20 Hz ticks per 2 Hz frame."""


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a camera sits in the ego frame: position m, yaw to the left, pitch downwards, roll clockwise; degrees."""

    position_m: tuple[float, float, float]
    yaw_deg: float
    pitch_down_deg: float
    roll_deg: float


CAMERAS = {
    "CAM_F0": Mount((1.66, 0.0, 1.62), 0.0, 2.4, 0.3),
    "CAM_L0": Mount((1.58, 0.18, 1.62), 55.2, 0.7, -0.9),
    "CAM_L1": Mount((1.29, 0.26, 1.61), 110.4, 0.4, 0.6),
    "CAM_L2": Mount((0.36, 0.31, 1.63), 140.3, 1.1, 0.4),
    "CAM_R0": Mount((1.58, -0.18, 1.62), -55.1, 0.5, 0.8),
    "CAM_R1": Mount((1.29, -0.26, 1.61), -109.6, 0.6, -0.5),
    "CAM_R2": Mount((0.36, -0.31, 1.63), -139.8, 1.0, -0.3),
    "CAM_B0": Mount((-0.49, 0.02, 1.66), 179.4, 2.0, 0.2),
}

CAMERA_MODEL = CameraModel(
    width=1920,
    height=1080,
    intrinsics=np.array([[1545.0, 0.0, 960.0], [0.0, 1545.0, 560.0], [0.0, 0.0, 1.0]]),
    distortion=np.array([-0.356123, 0.172545, -0.00213, 0.000464, -0.05231]),
)


def sensor_to_lidar(mount: Mount) -> Float[np.ndarray, "3 3"]:
    """R of p_lidar = R p_camera + t: the columns are the camera's right, down and forward in the ego frame."""
    yaw, pitch, roll = (math.radians(a) for a in (mount.yaw_deg, mount.pitch_down_deg, mount.roll_deg))
    forward = np.array([math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), -math.sin(pitch)])
    level_right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    level_down = np.cross(forward, level_right)
    right = math.cos(roll) * level_right + math.sin(roll) * level_down
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def camera_pose(
    mount: Mount, *, ego_rotation: Float[np.ndarray, "3 3"], ego_position_m: Float[np.ndarray, " 3"]
) -> CameraPose:
    """The camera's pose in the drive's ISO world, from the ego's pose there."""
    position = ego_position_m + ego_rotation @ np.array(mount.position_m)
    return CameraPose(world_from_camera=ego_rotation @ sensor_to_lidar(mount), position_m=position)


def quaternion_wxyz(rotation: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 4"]:
    """Unit quaternion w, x, y, z with w > 0 of a rotation whose angle is below 180 degrees."""
    w = math.sqrt(max(0.0, 1.0 + float(np.trace(rotation)))) / 2.0
    if w < 1e-3:
        raise ValueError(f"the rotation turns by almost 180 degrees (w = {w}); the demo's ego never does")
    r = rotation
    x, y, z = r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]
    return np.array([w, x / (4.0 * w), y / (4.0 * w), z / (4.0 * w)])


def homogeneous(rotation: Float[np.ndarray, "3 3"], translation: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """The 4x4 matrix of a rotation and a translation."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, translation
    return matrix
