"""Every coordinate conversion of the library, and the only place where y changes sign.

Inside lead_xb a position is in metres in ISO 8855 (x forward, y left, z up, right-handed, yaw counter-clockwise)
and the ego origin is the centre of the rear axle projected on the ground. A foreign frame is a `Convention`:
is it mirrored (left-handed, y right), and where does its origin lie in our ego frame. The same functions serve
every platform, so a sign can be wrong only here.

Sources: reference pages `lead-expert-logs` section 3, `navsim` sections 1.2 and 2, `waymo-e2e` section 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

Points = Float[np.ndarray, "*batch dim"]
Matrix4 = Float[np.ndarray, "*batch 4 4"]

CARLA_ACTOR_IN_EGO_M = 1.389
"""Distance from the rear axle to CARLA's actor origin of the Lincoln MKZ, along x (lead/common/constants.py:672)."""

NUPLAN_CENTER_IN_EGO_M = 1.461
"""Distance from the rear axle to the box centre of nuPlan's Pacifica, along x (navsim page, section 3)."""


@dataclass(frozen=True, slots=True)
class Convention:
    """A foreign vehicle frame and the world that belongs to it.

    Attributes:
        mirrored: True if y points right and the frame is left-handed, as in CARLA.
        origin_x_m: x of the foreign origin in our ego frame.
    """

    mirrored: bool
    origin_x_m: float

    @property
    def sign(self) -> float:
        """Factor of y, yaw and every other quantity that a mirror at the x-z plane turns round."""
        return -1.0 if self.mirrored else 1.0


ISO = Convention(mirrored=False, origin_x_m=0.0)
CARLA = Convention(mirrored=True, origin_x_m=CARLA_ACTOR_IN_EGO_M)
NUPLAN = Convention(mirrored=False, origin_x_m=0.0)
WAYMO = Convention(mirrored=False, origin_x_m=0.0)

CAMERA_AXES = {
    "opencv": np.eye(3),
    "waymo": np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]),
}
"""opencv_from_native: camera axes of a platform to OpenCV's x right, y down, z forward.

Waymo's are x forward, y left, z up. CARLA's x forward, y right, z up become Waymo's by the mirror.
"""


def points_to_ego(points: Points, convention: Convention) -> Points:
    """Positions (..., 2 or 3) in a foreign vehicle frame, m -> our ego frame, m."""
    ego = mirror(points, convention)
    ego[..., 0] += convention.origin_x_m
    return ego


def points_from_ego(points: Points, convention: Convention) -> Points:
    """Positions (..., 2 or 3) in our ego frame, m -> a foreign vehicle frame, m."""
    shifted = np.array(points, np.float64)
    shifted[..., 0] -= convention.origin_x_m
    return mirror(shifted, convention)


def mirror(vectors: Points, convention: Convention) -> Points:
    """World positions or free vectors (..., 2 or 3) between ISO and a foreign convention; its own inverse."""
    mirrored = np.array(vectors, np.float64)
    mirrored[..., 1] *= convention.sign
    return mirrored


def mirror_yaw(yaw: Float[np.ndarray, "*batch"] | float, convention: Convention) -> Float[np.ndarray, "*batch"]:
    """Yaw or yaw rate between ISO (counter-clockwise) and a foreign convention; its own inverse."""
    return np.asarray(np.multiply(yaw, convention.sign, dtype=np.float64))


def mirror_rotation_vector(
    vectors: Float[np.ndarray, "*batch 3"], convention: Convention
) -> Float[np.ndarray, "*batch 3"]:
    """Angular velocities (..., 3), rad/s: a mirror keeps y and turns x and z round; its own inverse."""
    return np.asarray(vectors, np.float64) * np.array([convention.sign, 1.0, convention.sign])


def mirror_matrix(matrix: Matrix4, convention: Convention) -> Matrix4:
    """Rigid transforms (..., 4, 4) between ISO and a foreign convention (S M S); its own inverse."""
    diagonal = np.array([1.0, convention.sign, 1.0, 1.0])
    return np.asarray(matrix, np.float64) * diagonal[:, None] * diagonal[None, :]


def ego_pose_from(world_from_vehicle: Matrix4, convention: Convention) -> Matrix4:
    """Pose (..., 4, 4) of a foreign vehicle frame in its world -> world_from_ego in the ISO world.

    The origins differ along the vehicle's own x axis, so the shift turns with the full rotation, not with yaw only.
    """
    return mirror_matrix(world_from_vehicle, convention) @ translation(-convention.origin_x_m)


def ego_pose_to(world_from_ego: Matrix4, convention: Convention) -> Matrix4:
    """world_from_ego (..., 4, 4) in the ISO world -> pose of the foreign vehicle frame in its own world."""
    return mirror_matrix(world_from_ego @ translation(convention.origin_x_m), convention)


def track_to_ego(
    position: Float[np.ndarray, "steps 2"], yaw: Float[np.ndarray, " steps"], convention: Convention
) -> tuple[Float[np.ndarray, "steps 2"], Float[np.ndarray, " steps"]]:
    """Positions and yaws of a foreign origin, relative to the foreign frame of now -> of our origin, in our frame."""
    iso_yaw = mirror_yaw(np.asarray(yaw, np.float64), convention)
    return mirror(position, convention) + _origin_shift(iso_yaw, convention), iso_yaw


def track_from_ego(
    position: Float[np.ndarray, "steps 2"], yaw: Float[np.ndarray, " steps"], convention: Convention
) -> tuple[Float[np.ndarray, "steps 2"], Float[np.ndarray, " steps"]]:
    """The inverse of `track_to_ego`."""
    return mirror(position - _origin_shift(yaw, convention), convention), mirror_yaw(yaw, convention)


def _origin_shift(yaw: Float[np.ndarray, " steps"], convention: Convention) -> Float[np.ndarray, "steps 2"]:
    """From the foreign origin to ours, along a track: the foreign one lies ahead on the car's own x axis."""
    ahead = convention.origin_x_m
    return np.stack([ahead - ahead * np.cos(yaw), -ahead * np.sin(yaw)], axis=1)


def ego_from_vehicle(convention: Convention) -> Float[np.ndarray, "4 4"]:
    """The map from a foreign vehicle frame to our ego frame as one 4x4, mirrored where the source is."""
    matrix = translation(convention.origin_x_m)
    matrix[1, 1] = convention.sign
    return matrix


def mount_to_ego(vehicle_from_sensor: Matrix4, convention: Convention) -> Matrix4:
    """Sensor mounting (..., 4, 4) in a foreign vehicle frame -> ego_from_sensor, both with x forward and z up."""
    return translation(convention.origin_x_m) @ mirror_matrix(vehicle_from_sensor, convention)


def camera_to_ego(ego_from_mount: Matrix4, axes: str) -> Matrix4:
    """ego_from_camera (..., 4, 4) with OpenCV axes from a mounting whose camera axes are `CAMERA_AXES[axes]`."""
    native_from_opencv = np.eye(4)
    native_from_opencv[:3, :3] = CAMERA_AXES[axes].T
    return np.asarray(ego_from_mount, np.float64) @ native_from_opencv


def carla_matrix(
    position: Float[np.ndarray, "3"], *, roll_deg: float, pitch_deg: float, yaw_deg: float
) -> Float[np.ndarray, "4 4"]:
    """`carla.Transform.get_matrix`: left-handed; yaw > 0 turns right, pitch > 0 nose up, roll > 0 right side down."""
    (cr, cp, cy) = np.cos(np.deg2rad([roll_deg, pitch_deg, yaw_deg]))
    (sr, sp, sy) = np.sin(np.deg2rad([roll_deg, pitch_deg, yaw_deg]))
    matrix = np.eye(4)
    matrix[:3, 0] = (cp * cy, cp * sy, sp)
    matrix[:3, 1] = (cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, -cp * sr)
    matrix[:3, 2] = (-cy * sp * cr - sy * sr, -sy * sp * cr + cy * sr, cp * cr)
    matrix[:3, 3] = position
    return matrix


def carla_view_from_ego(*, translation_m: float, rotation_deg: float) -> Float[np.ndarray, "4 4"]:
    """LEAD's perturbed rig: view_from_ego = S P S^-1.

    P takes CARLA actor coordinates q to R(r)^T (q - (0, t)) with the shift t (right is positive) and the yaw r
    (right is positive) recorded in the log; S is the map from the actor frame to our ego frame.
    """
    actor_from_view = carla_matrix(
        np.array([0.0, translation_m, 0.0]), roll_deg=0.0, pitch_deg=0.0, yaw_deg=rotation_deg
    )
    ego_from_actor = ego_from_vehicle(CARLA)
    return ego_from_actor @ invert(actor_from_view) @ invert(ego_from_actor)


def translation(x: float, y: float = 0.0, z: float = 0.0) -> Float[np.ndarray, "4 4"]:
    """A 4x4 that moves by (x, y, z) metres."""
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return matrix


def invert(matrix: Matrix4) -> Matrix4:
    """Inverse of affine transforms (..., 4, 4), mirrored ones included."""
    return np.linalg.inv(matrix)


def transform_points(
    matrix: Float[np.ndarray, "4 4"], points: Float[np.ndarray, "*batch 3"]
) -> Float[np.ndarray, "*batch 3"]:
    """Apply a 4x4 to points (..., 3), m; computed in float64."""
    return np.asarray(points, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


def pose_to_matrix(pose: Float[np.ndarray, "*batch 7"]) -> Matrix4:
    """Pose x, y, z, qw, qx, qy, qz (..., 7) -> 4x4."""
    matrix = np.zeros((*pose.shape[:-1], 4, 4))
    matrix[..., :3, :3] = quaternion_to_rotation(pose[..., 3:])
    matrix[..., :3, 3] = pose[..., :3]
    matrix[..., 3, 3] = 1.0
    return matrix


def matrix_to_pose(matrix: Matrix4) -> Float[np.ndarray, "*batch 7"]:
    """4x4 with a proper rotation -> pose x, y, z, qw, qx, qy, qz (..., 7) with qw >= 0."""
    return np.concatenate([matrix[..., :3, 3], rotation_to_quaternion(matrix[..., :3, :3])], axis=-1)


def quaternion_to_rotation(quaternion: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Unit quaternions w, x, y, z -> rotation matrices."""
    flat = np.asarray(quaternion, np.float64).reshape(-1, 4)
    return Rotation.from_quat(np.roll(flat, -1, axis=1)).as_matrix().reshape(*quaternion.shape[:-1], 3, 3)


def rotation_to_quaternion(rotation: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Rotation matrices -> unit quaternions w, x, y, z with w >= 0."""
    flat = Rotation.from_matrix(np.asarray(rotation, np.float64).reshape(-1, 3, 3)).as_quat(canonical=True)
    return np.roll(flat, 1, axis=1).reshape(*rotation.shape[:-2], 4)


def nuplan_yaw(quaternion: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch"]:
    """Heading that NAVSIM and nuPlan take from an ego quaternion w, x, y, z: `pyquaternion.yaw_pitch_roll[0]`.

    It is atan2(2 (wz - xy), 1 - 2 (y^2 + z^2)), not the direction of the x axis: the two differ by up to some
    milliradians when roll and pitch are both non-zero (page `navsim`, 'LTFv6 features', part B).
    """
    w, x, y, z = np.moveaxis(np.asarray(quaternion, np.float64), -1, 0)
    return np.asarray(np.arctan2(2.0 * (w * z - x * y), 1.0 - 2.0 * (y * y + z * z)))


def yaw_of(rotation: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch"]:
    """Heading of the x axis in the x-y plane, rad, in (-pi, pi]."""
    return np.asarray(np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0]))
