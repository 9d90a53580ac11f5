"""CARLA's and LEAD's conventions, written from their documentation and not from `store/frames.py`.

The demo's native writers are the witnesses that catch a frame mistake in the library. A witness that used the
library's own conversions would repeat its mistakes, so these few formulas exist twice on purpose.

Conventions (reference page `lead-expert-logs`, sections 3 to 5; `carla.Transform.get_matrix`): left-handed world and
vehicle frames with x forward, y right, z up; yaw > 0 turns right, pitch > 0 lifts the nose, roll > 0 lowers the right
side, all in degrees; the vehicle frame's origin is the actor origin on the ground below the middle of the car.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lead_xb.demo.camera import CameraModel, CameraPose
from lead_xb.demo.motion import Track

ACTOR_AHEAD_OF_AXLE_M = 1.389
"""The actor origin of the Lincoln MKZ lies this far ahead of the rear axle, along the vehicle's x axis."""

EGO_HALF_EXTENT_M = (2.4508416652679443, 1.0641621351242065, 0.7553732395172119)
TICKS_PER_FRAME = 5
GRAVITY_MPS2 = 9.81


@dataclass(frozen=True, slots=True)
class Transform:
    """`carla.Transform`: location in m, rotation in degrees."""

    x: float
    y: float
    z: float
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0

    def matrix(self) -> Float[np.ndarray, "4 4"]:
        """What `carla.Transform.get_matrix` returns: world <- actor, left-handed."""
        cy, sy = math.cos(math.radians(self.yaw)), math.sin(math.radians(self.yaw))
        cp, sp = math.cos(math.radians(self.pitch)), math.sin(math.radians(self.pitch))
        cr, sr = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        return np.array(
            [
                [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr, self.x],
                [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr, self.y],
                [sp, -cp * sr, cp * cr, self.z],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )


def transform_of(position_m: Float[np.ndarray, " 3"], rotation: Float[np.ndarray, "3 3"]) -> Transform:
    """The CARLA transform of a body, from its ISO pose (columns forward, left, up).

    Read off physically: the heading to the left becomes yaw to the right, the rise of the nose is the pitch, and the
    rise of the left side is the roll, since the right side sinks by as much.
    """
    forward, left, up = rotation.T
    pitch = math.asin(float(np.clip(forward[2], -1.0, 1.0)))
    roll = math.atan2(float(left[2]), float(up[2]))
    yaw = -math.atan2(float(forward[1]), float(forward[0]))
    x, y, z = position_m.tolist()
    return Transform(x, -y, z, math.degrees(pitch), math.degrees(yaw), math.degrees(roll))


def ego_transforms(ego: Track) -> tuple[Transform, ...]:
    """CARLA transforms of the ego actor per tick, from the motion of its rear axle."""
    actor = ego.position_m + ACTOR_AHEAD_OF_AXLE_M * ego.rotation[:, :, 0]
    return tuple(transform_of(position, rotation) for position, rotation in zip(actor, ego.rotation, strict=True))


@dataclass(frozen=True, slots=True)
class Mount:
    """A sensor's place in the vehicle frame: position m (y right), rotation roll, pitch, yaw in degrees."""

    position_m: tuple[float, float, float]
    rotation_deg: tuple[float, float, float]

    def matrix(self) -> Float[np.ndarray, "4 4"]:
        """vehicle <- sensor, left-handed."""
        roll, pitch, yaw = self.rotation_deg
        return Transform(*self.position_m, pitch=pitch, yaw=yaw, roll=roll).matrix()


CAMERAS = {
    1: Mount((0.1, -0.35, 2.25), (0.0, 0.0, -54.5)),
    2: Mount((0.35, 0.0, 2.25), (0.0, 0.0, 0.0)),
    3: Mount((0.1, 0.35, 2.25), (0.0, 0.0, 54.5)),
}
CAMERA_SIZE_PX = 384
CAMERA_FOV_DEG = 60
LIDARS = (Mount((0.0, 0.0, 2.5), (0.0, 0.0, -90.0)), Mount((0.0, 0.0, 2.5), (0.0, 0.0, -270.0)))
RADARS = {
    "1": Mount((2.6, 0.0, 0.6), (0.0, 0.0, -45.0)),
    "2": Mount((2.6, 0.0, 0.6), (0.0, 0.0, 45.0)),
    "3": Mount((-2.6, 0.0, 0.6), (0.0, 0.0, 135.0)),
    "4": Mount((-2.6, 0.0, 0.6), (0.0, 0.0, 225.0)),
}


def camera_model() -> CameraModel:
    """The pinhole of every LEAD camera: f = W / (2 tan(fov / 2)), principal point in the middle."""
    focal = CAMERA_SIZE_PX / (2.0 * math.tan(math.radians(CAMERA_FOV_DEG) / 2.0))
    middle = CAMERA_SIZE_PX / 2.0
    k = np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]])
    return CameraModel(CAMERA_SIZE_PX, CAMERA_SIZE_PX, k)


@dataclass(frozen=True, slots=True)
class Perturbation:
    """The second rig of a route: shifted to the right by `shift_m` and turned to the right by `yaw_deg`."""

    shift_m: float = 0.0
    yaw_deg: float = 0.0

    def matrix(self) -> Float[np.ndarray, "4 4"]:
        """vehicle <- perturbed vehicle: p' = Rz(yaw) p + (0, shift, 0)."""
        return Transform(0.0, self.shift_m, 0.0, yaw=self.yaw_deg).matrix()


def draw_perturbation(rng: np.random.Generator, *, lane_width_m: float, gap_m: float) -> Perturbation:
    """One shift and yaw per route, from the ranges of section 3.1."""
    widest = min(1.0, max(0.1, lane_width_m / 2.0 - EGO_HALF_EXTENT_M[1] / 2.0 - gap_m))
    shift = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.1, widest))
    side = float(np.clip(shift, -1.0, 1.0))
    low, high = -5.0 + (side + 1.0) / 2.0 * -7.5, 12.5 + (side + 1.0) / 2.0 * -7.5
    yaw = 0.0
    while abs(yaw) < 0.5:
        yaw = float(rng.uniform(low, high)) * widest
    return Perturbation(shift, yaw)


def camera_pose(ego: Transform, mount: Mount, *, perturbation: Perturbation) -> CameraPose:
    """The camera's pose in the drive's ISO world; CARLA cameras look along x with y right and z up."""
    world = ego.matrix() @ perturbation.matrix() @ mount.matrix()
    forward, right, up = (world[:3, k] * np.array([1.0, -1.0, 1.0]) for k in range(3))
    position = world[:3, 3] * np.array([1.0, -1.0, 1.0])
    return CameraPose(world_from_camera=np.stack([right, -up, forward], axis=1), position_m=position)


def single(values: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """What CARLA hands to Python: single precision."""
    return values.astype(np.float32)


def wrap(angles_rad: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Angles in (-pi, pi]."""
    return np.asarray(np.pi - (np.pi - angles_rad) % (2.0 * np.pi))


def imu(ego: Track) -> tuple[Float[np.ndarray, "ticks 3"], Float[np.ndarray, "ticks 3"]]:
    """Accelerometer (m/s^2) and gyroscope (rad/s) in the vehicle frame, left-handed.

    As in the simulator the accelerometer measures motion minus gravity, so on a slope it reads a part of 9.81 m/s^2
    along x and y. Angular velocity is a pseudovector: mirroring y turns its x and z round instead of its y.
    """
    felt = ego.acceleration_mps2 + np.array([0.0, 0.0, GRAVITY_MPS2])
    body = np.einsum("tij,ti->tj", ego.rotation, felt)
    spin = np.einsum("tij,ti->tj", ego.rotation, ego.angular_velocity_radps)
    return body * np.array([1.0, -1.0, 1.0]), spin * np.array([-1.0, 1.0, -1.0])
