"""AlpaSim by hand: one rollout -> rows, and the recorded values back (page `alpasim`, sections 1, 8 and 12).

Rows are the instants with an ego pose: the context before the first policy step (no sensors, no key frames), one row
per policy step, and the instant after the last step, whose images the simulator still renders.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.frame import RowKind
from lead_xb.schemas.map import map_id_of
from lead_xb.schemas.navigation import Command
from lead_xb.schemas.rig import Camera, Payload, Rig, Vehicle
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.frame import Frame
from lead_xb.store.frames import invert, matrix_to_pose, pose_to_matrix, yaw_of
from lead_xb.store.writer import Row

from .alpasim_recording import Recording, pose
from .round_trip import Native, rows_of

COMMANDS = {0: Command.LEFT, 1: Command.STRAIGHT, 2: Command.RIGHT, 3: Command.UNKNOWN}
CLASSES = {None: Category.EGO, "automobile": Category.VEHICLE}
ROUTE_POINTS = 20
"""Routes are padded with NaN to this length."""
IMAGE_SIZE = (160, 90)


def cells_of(recording: Recording, time: int) -> Row:
    """One row. The local frame of the scene is `global`; AlpaSim's rig frame is our ego frame."""
    native = recording.native(time)
    ego = native["pose"] if native["pose"] is not None else _ego_from_box(recording, native["actors"]["EGO"])
    world_from_ego = pose_to_matrix(ego.astype(np.float64))
    return {
        "frame.token": f"{recording.session['session_uuid']}-{time}",
        "frame.timestamp_us": time,
        "frame.is_key": bool(native["exposures"]),
        "frame.kind": RowKind.RECORDED.value,
        "ego.pose": ego,
        **_state_cells(native["dynamic_state"], world_from_ego if time in recording.context else np.eye(4)),
        "navigation.route": None if native["route"] is None else without_padding(native["route"])[:, :2],
        "navigation.command_raw": native["command"],
        "navigation.command": None if native["command"] is None else int(COMMANDS[native["command"]]),
        "boxes": None if native["actors"] is None else _boxes(recording, native["actors"], world_from_ego),
        **_trajectory_cells("expert", native["ground_truth_us"], native["ground_truth"], np.eye(4), time),
        **_trajectory_cells("plan", native["plan_us"], native["plan"], world_from_ego, time),
        **{
            f"image.{camera}": {
                "timestamp_us": start,
                "end_timestamp_us": end,
                "bytes": recording.images[camera][end][1],
            }
            for camera, (start, end) in native["exposures"].items()
        },
    }


def rebuild(frame: Frame) -> Native:
    """The recorded values as far as the columns hold them."""
    cameras = sorted(camera.name for camera in frame.rig.cameras)
    exposures = {camera: frame[f"image.{camera}"] for camera in cameras if frame.has(f"image.{camera}")}
    route = frame["navigation.route"]
    return {
        "pose": frame["ego.pose"].astype(np.float32),
        "dynamic_state": _native_state(frame),
        "exposures": {camera: (cell["timestamp_us"], cell["end_timestamp_us"]) for camera, cell in exposures.items()},
        "route": None if route is None else _padded(route),
        "ground_truth_us": _absolute(frame, "expert.trajectory_us"),
        "ground_truth": None,
        "plan_us": _absolute(frame, "plan.trajectory_us"),
        "plan": None,
        "command": frame["navigation.command_raw"],
        "debug_info": None,
        "actors": None,
        "session": None,
        "rollout": None,
    }


def meta_of(recording: Recording) -> SceneMeta:
    """One scene a rollout; the reconstructed place is its location, so that rollouts of one place can be found."""
    session = recording.metadata["session_metadata"]
    return SceneMeta(
        scene_id=session["session_uuid"],
        source="alpasim",
        location=session["scene_id"],
        map_id=map_id_of("alpasim", session["scene_id"], session["nre_version"]),
        folder="rollouts",
        rig=_rig(recording),
    )


def without_padding(route: np.ndarray) -> np.ndarray:
    """The waypoints that are there."""
    return route[np.isfinite(route).all(axis=1)]


def camera_of(announced: dict[str, Any]) -> Camera:
    """An announced f-theta camera; `rig_to_camera` is the pose of its optical frame in the rig."""
    intrinsics = announced["intrinsics"]
    lens = intrinsics["ftheta_param"]
    return Camera(
        name=announced["logical_id"],
        width=intrinsics["resolution_w"],
        height=intrinsics["resolution_h"],
        model="ftheta",
        parameters={
            "center": (lens["principal_point_x"], lens["principal_point_y"]),
            "forward_poly": tuple(lens["angle_to_pixeldist_poly"]),
            "backward_poly": tuple(lens["pixeldist_to_angle_poly"]),
            "linear_cde": tuple(lens["linear_cde"][f"linear_{name}"] for name in "cde"),
            "max_angle": (lens["max_angle"],),
        },
        ego_from_camera=rows_of(pose_to_matrix(pose(announced["rig_to_camera"]).astype(np.float64))),
        crops={f"image.{announced['logical_id']}": (0, 0, *IMAGE_SIZE)},
        rolling_shutter=intrinsics["shutter_type"].removeprefix("ROLLING_").lower(),
    )


def _rig(recording: Recording) -> Rig:
    announced = recording.session["rollout_spec"]["vehicle"]["available_cameras"]
    box = _sizes(recording)["EGO"]
    center = recording.metadata["transform_ego_coords_rig_to_aabb"]["vec"]
    return Rig(
        source_from_ego=rows_of(np.eye(4)),
        vehicle=Vehicle(
            name=None,
            length_m=box[0],
            width_m=box[1],
            height_m=box[2],
            wheel_base_m=None,
            center_x_m=center["x"],
        ),
        cameras=tuple(camera_of(item) for item in announced),
        payloads=tuple(Payload(column=f"image.{item['logical_id']}", codec="jpeg", coding="rgb") for item in announced),
    )


def _state_cells(state: np.ndarray | None, axes: np.ndarray) -> Row:
    """All zeros, sent while the recording is replayed, say `not known`; the context comes in the local frame's axes."""
    if state is None or not state.any():
        return {}
    angular, linear, acceleration, angular_acceleration = state @ axes[:3, :3]
    return {
        "ego.speed": float(np.hypot(*linear[:2].astype(np.float64))),
        "ego.velocity": linear[:2],
        "ego.velocity_z": linear[2],
        "ego.acceleration": acceleration[:2],
        "ego.acceleration_z": acceleration[2],
        "ego.angular_velocity": angular,
        "ego.angular_acceleration": angular_acceleration,
    }


def _native_state(frame: Frame) -> np.ndarray:
    if frame["ego.velocity"] is None:
        return np.zeros((4, 3), np.float32)
    linear = [*frame["ego.velocity"], frame["ego.velocity_z"]]
    acceleration = [*frame["ego.acceleration"], frame["ego.acceleration_z"]]
    angular = frame["ego.angular_velocity"], frame["ego.angular_acceleration"]
    return np.array([angular[0], linear, acceleration, angular[1]], np.float32)


def _boxes(recording: Recording, actors: dict[str, np.ndarray], world_from_ego: np.ndarray) -> Row:
    ego_from_box = invert(world_from_ego) @ pose_to_matrix(np.stack(list(actors.values())))
    labels = {item["actor_id"]: item.get("actor_label") for item in _definitions(recording)}
    return {
        "track_token": list(actors),
        "category": np.array([int(CLASSES[labels[id]]) for id in actors], np.int8),
        "native_class": [labels[id] for id in actors],
        "center": ego_from_box[:, :3, 3],
        "size": np.array([_sizes(recording)[id] for id in actors]),
        "yaw": yaw_of(ego_from_box[:, :3, :3]),
        "rotation": matrix_to_pose(ego_from_box)[:, 3:],
    }


def _trajectory_cells(
    group: str, times: np.ndarray | None, poses: np.ndarray | None, frame: np.ndarray, time: int
) -> Row:
    """Poses given in `frame` (world_from_ego, or the identity for the rig frame) as x, y, yaw in the ego frame."""
    if times is None or poses is None:
        return {}
    matrices = invert(frame) @ pose_to_matrix(poses.astype(np.float64))
    planar = np.concatenate([matrices[:, :2, 3], yaw_of(matrices[:, :3, :3])[:, None]], axis=1)
    return {f"{group}.trajectory_us": times - time, f"{group}.trajectory": planar}


def _absolute(frame: Frame, column: str) -> np.ndarray | None:
    times: np.ndarray | None = frame[column]
    return None if times is None else times + frame.timestamp_us


def _padded(route: np.ndarray) -> np.ndarray:
    padded = np.full((ROUTE_POINTS, 3), np.nan, np.float32)
    padded[: len(route), :2] = route
    padded[: len(route), 2] = 0.0
    return padded


def _ego_from_box(recording: Recording, box: np.ndarray) -> np.ndarray:
    """Rear axle from the box centre, where no pose was reported."""
    rig_from_box = pose_to_matrix(pose(recording.metadata["transform_ego_coords_rig_to_aabb"]).astype(np.float64))
    return matrix_to_pose(pose_to_matrix(box) @ invert(rig_from_box))


def _definitions(recording: Recording) -> list[dict[str, Any]]:
    definitions: list[dict[str, Any]] = recording.metadata["actor_definitions"]["actor_aabb"]
    return definitions


def _sizes(recording: Recording) -> dict[str, tuple[float, float, float]]:
    boxes = {item["actor_id"]: item["aabb"] for item in _definitions(recording)}
    return {id: (box["size_x"], box["size_y"], box["size_z"]) for id, box in boxes.items()}
