"""Facts about coordinate frames, worked out by hand, that any correct `frames` module fulfils."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np


def close(left: np.ndarray | float, right: object) -> None:
    """Equality to 1e-9, as the project demands of every conversion."""
    np.testing.assert_allclose(left, np.asarray(right, float), rtol=0.0, atol=1e-9)


def check_points(frames: ModuleType) -> None:
    """CARLA's actor is 1.389 m ahead of our origin and its y points right."""
    close(frames.points_to_ego(np.zeros(3), frames.CARLA), [1.389, 0.0, 0.0])
    close(frames.points_to_ego(np.array([[1.0, 2.0, 3.0]]), frames.CARLA), [[2.389, -2.0, 3.0]])
    close(frames.points_from_ego(np.array([[2.389, -2.0]]), frames.CARLA), [[1.0, 2.0]])
    close(frames.points_to_ego(np.array([1.0, 2.0, 3.0]), frames.NUPLAN), [1.0, 2.0, 3.0])
    close(frames.points_to_ego(np.array([1.0, 2.0, 3.0]), frames.WAYMO), [1.0, 2.0, 3.0])
    close(frames.mirror(np.array([1.0, 2.0, 3.0]), frames.CARLA), [1.0, -2.0, 3.0])
    close(frames.mirror_yaw(0.3, frames.CARLA), -0.3)
    close(frames.mirror_yaw(0.3, frames.ISO), 0.3)
    close(frames.mirror_rotation_vector(np.array([1.0, 2.0, 3.0]), frames.CARLA), [-1.0, 2.0, -3.0])
    close(frames.ego_from_vehicle(frames.CARLA) @ [1.0, 2.0, 3.0, 1.0], [2.389, -2.0, 3.0, 1.0])
    close(frames.NUPLAN_CENTER_IN_EGO_M, 1.461)


def check_poses(frames: ModuleType) -> None:
    """The shift to the rear axle follows pitch and roll, not yaw alone."""
    turned = frames.carla_matrix(np.array([10.0, 20.0, 1.0]), roll_deg=0.0, pitch_deg=0.0, yaw_deg=90.0)
    pose = frames.ego_pose_from(turned, frames.CARLA)
    close(pose[:3, 3], [10.0, -20.0 + 1.389, 1.0])
    close(pose[:3, 0], [0.0, -1.0, 0.0])
    uphill = frames.carla_matrix(np.array([10.0, 20.0, 1.0]), roll_deg=0.0, pitch_deg=30.0, yaw_deg=0.0)
    pose = frames.ego_pose_from(uphill, frames.CARLA)
    close(pose[:3, 3], [10.0 - 1.389 * math.cos(math.radians(30.0)), -20.0, 1.0 - 1.389 * 0.5])
    close(frames.ego_pose_to(pose, frames.CARLA), uphill)
    close(frames.ego_pose_from(uphill, frames.NUPLAN), uphill)


def check_tracks(frames: ModuleType) -> None:
    """An actor that turned right by 60 degrees has its rear axle behind it, towards the left."""
    position, yaw = frames.track_to_ego(np.array([[10.0, 4.0]]), np.array([math.pi / 3]), frames.CARLA)
    close(position, [[10.0 + 1.389 - 1.389 * 0.5, -4.0 + 1.389 * math.sin(math.pi / 3)]])
    close(yaw, [-math.pi / 3])
    back, turned = frames.track_from_ego(position, yaw, frames.CARLA)
    close(back, [[10.0, 4.0]])
    close(turned, [math.pi / 3])


def check_carla_rotation(frames: ModuleType) -> None:
    """Yaw turns right, pitch lifts the nose, roll lowers the right side; together they are Rz Ry Rx."""
    roll, pitch, yaw = 0.2, 0.3, 0.4
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a), math.sin(a)) for a in (roll, pitch, yaw))
    turn = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    nose_up = np.array([[cp, 0, -sp], [0, 1, 0], [sp, 0, cp]])
    right_side_down = np.array([[1, 0, 0], [0, cr, sr], [0, -sr, cr]])
    matrix = frames.carla_matrix(
        np.array([1.0, 2.0, 3.0]),
        roll_deg=math.degrees(roll),
        pitch_deg=math.degrees(pitch),
        yaw_deg=math.degrees(yaw),
    )
    close(matrix[:3, :3], turn @ nose_up @ right_side_down)
    close(matrix[:3, 3], [1.0, 2.0, 3.0])


def check_cameras(frames: ModuleType) -> None:
    """A forward camera looks along the ego's x; image x is right and image y is down."""
    forward = frames.camera_to_ego(frames.translation(1.0, 0.0, 2.0), "waymo")
    close(forward @ [0.0, 0.0, 5.0, 1.0], [6.0, 0.0, 2.0, 1.0])
    close(forward @ [1.0, 0.0, 0.0, 1.0], [1.0, -1.0, 2.0, 1.0])
    close(forward @ [0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0])
    close(frames.camera_to_ego(np.eye(4), "opencv"), np.eye(4))
    right_of_actor = frames.carla_matrix(np.array([0.1, 0.5, 2.0]), roll_deg=0.0, pitch_deg=0.0, yaw_deg=90.0)
    mount = frames.mount_to_ego(right_of_actor, frames.CARLA)
    close(mount[:3, 3], [1.489, -0.5, 2.0])
    close(mount[:3, 0], [0.0, -1.0, 0.0])


def check_view(frames: ModuleType) -> None:
    """LEAD's perturbation: q' = R(r)^T (q - (0, t)) in CARLA's actor frame, both towards the right."""
    shift, turn_deg = 0.5, 10.0
    point = np.array([8.0, 3.0, 1.0])
    cosine, sine = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    x, y = point[0], point[1] - shift
    expected = np.array([cosine * x + sine * y, -sine * x + cosine * y, 1.0])
    view_from_ego = frames.carla_view_from_ego(translation_m=shift, rotation_deg=turn_deg)
    seen = frames.transform_points(view_from_ego, frames.points_to_ego(point, frames.CARLA))
    close(frames.points_from_ego(seen, frames.CARLA), expected)


def check_algebra(frames: ModuleType) -> None:
    """Quaternions are w, x, y, z; positive yaw is counter-clockwise."""
    half = math.sqrt(0.5)
    pose = np.array([1.0, 2.0, 3.0, half, 0.0, 0.0, half])
    matrix = frames.pose_to_matrix(pose)
    close(frames.transform_points(matrix, np.array([[1.0, 0.0, 0.0]])), [[1.0, 3.0, 3.0]])
    close(frames.matrix_to_pose(matrix), pose)
    close(frames.yaw_of(matrix[:3, :3]), math.pi / 2)
    close(frames.nuplan_yaw(pose[3:]), math.pi / 2)
    close(frames.nuplan_yaw(np.array([0.8, 0.2, 0.4, 0.4])), math.atan2(2 * (0.32 - 0.08), 1 - 2 * (0.16 + 0.16)))
    tilted = np.array([[0.8, 0.2, 0.4, 0.4], [half, 0.0, 0.0, half]])
    unit = tilted / np.linalg.norm(tilted, axis=1, keepdims=True)
    close(frames.rotation_to_quaternion(frames.quaternion_to_rotation(tilted)), unit)
    close(frames.invert(matrix) @ matrix, np.eye(4))
    close(frames.translation(1.0, 2.0, 3.0) @ [0.0, 0.0, 0.0, 1.0], [1.0, 2.0, 3.0, 1.0])


FACTS = (check_points, check_poses, check_tracks, check_carla_rotation, check_cameras, check_view, check_algebra)


def check_all(frames: ModuleType) -> None:
    """Every fact; AssertionError if one does not hold."""
    for check in FACTS:
        check(frames)
