"""Every native value of a log frame arrives in its column, and comes back with type and bits."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lead_xb.adapters.navsim.logs import native_frame, native_log
from lead_xb.adapters.navsim.rows import pose_matrix
from lead_xb.schemas.boxes import Category
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.navigation import Command
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.codec import same_bits
from lead_xb.store.frames import pose_to_matrix
from lead_xb.store.scene import Scene

from .helpers import LOG, Frames, convert_log, edited, native_frames, token, without, write_log


@pytest.fixture
def scene(root: Path, tmp_path: Path) -> Scene:
    return convert_log(root, tmp_path / "a.arrow")


def converted(frames: Frames, tmp_path: Path) -> Scene:
    write_log(tmp_path / "other", frames)
    return convert_log(tmp_path / "other", tmp_path / "b.arrow", sensors="present")


def test_a_row_says_when_and_where_it_was(scene: Scene) -> None:
    frame = scene.frame(1)
    assert (frame.token, frame.timestamp_us, frame["frame.source_index"]) == (token(1), 1_600_000_000_500_123, 1)
    assert frame["frame.is_key"] is True
    assert frame["frame.kind"] == "recorded"
    assert frame["ego.pose"].tolist() == [330004.5, 4690000.25, 12.0, 0.8, 0.0, 0.0, 0.6]
    assert (scene.meta.scene_id, scene.meta.location, scene.meta.folder) == (LOG, "us-ma-boston", "mini")


def test_the_ego_motion_is_that_of_the_rear_axle(scene: Scene) -> None:
    frame = scene.frame(0)
    assert frame["ego.velocity"].tolist() == [8.0, 0.0625]
    assert frame["ego.velocity_z"] == 0.01
    assert frame["ego.acceleration"].tolist() == [0.5, -0.25]
    assert frame["ego.acceleration_z"] == 0.125
    assert frame["ego.angular_velocity"].tolist() == [0.001, -0.002, 0.03]
    assert frame["ego.speed"] == pytest.approx(np.hypot(8.0, 0.0625), abs=1e-15)


@pytest.mark.parametrize(
    ("raw", "command"), list(enumerate([Command.LEFT, Command.STRAIGHT, Command.RIGHT, Command.UNKNOWN]))
)
def test_the_one_hot_command_becomes_its_enum(raw: int, command: Command, tmp_path: Path) -> None:
    frame = converted(edited("driving_command", lambda _: np.eye(4, dtype=int)[raw]), tmp_path).frame(1)
    assert (frame["navigation.command"], frame["navigation.command_raw"]) == (command, raw)


def test_boxes_stay_in_the_ego_frame_and_yaw_is_not_wrapped(scene: Scene) -> None:
    boxes = scene.frame(0).boxes
    assert boxes is not None
    assert boxes.center.tolist() == [[10.0, 2.0, 0.5], [5.0, -3.0, 0.6]]
    assert boxes.size.tolist() == [[4.5, 1.9, 1.6], [0.5, 0.6, 1.8]]
    assert boxes.yaw.tolist() == [3.5, -0.1]
    assert boxes.category.tolist() == [Category.VEHICLE, Category.CONSTRUCTION_SIGN]
    assert boxes.column("velocity").value.tolist() == [[7.0, 0.5], [0.0, 0.0]]
    assert boxes.column("velocity_z").value.tolist() == [0.1, 0.0]
    assert boxes.strings("track_token") == ["t0", "t1"]
    assert boxes.strings("token") == ["i00", "i01"]


def test_an_unknown_class_is_other_and_keeps_its_name(tmp_path: Path) -> None:
    names = np.array(["vehicle", "unicorn"])
    boxes = converted(edited("anns", lambda anns: {**anns, "gt_names": names}), tmp_path).frame(1).boxes
    assert boxes is not None
    assert boxes.category.tolist() == [Category.VEHICLE, Category.OTHER]
    assert boxes.strings("native_class") == ["vehicle", "unicorn"]


def test_lights_keep_their_order_and_are_red_or_not(scene: Scene) -> None:
    lights = scene.frame(0)["traffic_lights"].to_pylist()
    assert lights == [
        {"lane_id": "30001", "state": LightState.NOT_RED},
        {"lane_id": "30005", "state": LightState.RED},
    ]


def test_a_log_without_annotations_has_null_boxes(tmp_path: Path) -> None:
    frames = [{key: value for key, value in frame.items() if key != "anns"} for frame in native_frames()]
    scene = converted(frames, tmp_path)
    assert scene.frame(0).boxes is None
    assert same_bits(native_log(scene), frames)


def test_an_unknown_velocity_is_null_and_comes_back_as_nan(tmp_path: Path) -> None:
    velocity = np.array([[np.nan, np.nan, np.nan], [1.0, 2.0, 3.0]])
    frames = edited("anns", lambda anns: {**anns, "gt_velocity_3d": velocity})
    scene = converted(frames, tmp_path)
    boxes = scene.frame(1).boxes
    assert boxes is not None
    assert boxes.column("velocity").valid.tolist() == [False, True]
    assert boxes.column("velocity_z").valid.tolist() == [False, True]
    assert same_bits(native_log(scene), frames)


ODD_VALUES: dict[str, Any] = {
    "roadblock_ids": [],
    "traffic_lights": [],
    "lidar_path": None,
    "scene_token": "another",
    "sample_next": None,
    "ego_dynamic_state": [-0.0, 1e-300, 0.0, -1e300],
    "can_bus": np.arange(18.0),
    "ego2global": np.eye(4, dtype=np.float32),
    "driving_command": np.array([1, 0, 0, 0], np.int32),
    "frame_idx": np.int64(2),
    "anns": {
        "gt_boxes": np.zeros((0, 7)),
        "gt_names": np.array([]),
        "gt_velocity_3d": np.zeros((0, 3)),
        "instance_tokens": [],
        "track_tokens": [],
    },
}


@pytest.mark.parametrize("key", ODD_VALUES)
def test_odd_values_come_back_bit_for_bit(key: str, tmp_path: Path) -> None:
    frames = edited(key, lambda _: ODD_VALUES[key])
    assert same_bits(native_log(converted(frames, tmp_path)), frames)


def test_keys_that_no_column_knows_come_back_in_their_place(tmp_path: Path) -> None:
    frames = native_frames()
    frames[1] = {"first": (1, [2.5, float("inf")]), **frames[1], "last": {"a": np.float32(3.0)}}
    scene = converted(frames, tmp_path)
    assert same_bits(native_log(scene), frames)
    assert next(iter(native_frame(scene.frame(1)))) == "first"


def test_a_long_log_comes_back_across_record_batches(tmp_path: Path) -> None:
    frames = native_frames(150)
    scene = converted(frames, tmp_path)
    assert len(scene.batches) > 1
    assert same_bits(native_log(scene), frames)


def test_a_recorded_log_leaves_hardly_anything_to_extra(root: Path, tmp_path: Path) -> None:
    frames = pickle.loads(next((root / "navsim_logs" / "mini").glob("*.pkl")).read_bytes())
    scene = convert_log(root, tmp_path / "a.arrow")
    assert same_bits(native_log(scene), frames)
    assert set(scene.frame(1).extra()) <= {
        "log_token",
        "scene_name",
        "scene_token",
        "vehicle_name",
        "ego2global",
        "lidar2global",
    }


def test_the_pose_matrix_is_that_of_the_quaternion() -> None:
    quaternion = np.array([0.5, -0.1, 0.3, 0.7])
    pose = np.array([1.0, 2.0, 3.0, *(quaternion / np.linalg.norm(quaternion))])
    assert pose_matrix(pose) == pytest.approx(pose_to_matrix(pose), abs=1e-15)


BAD_FRAMES: dict[str, tuple[Frames, str]] = {
    "pose with NaN": (
        edited("ego2global_translation", lambda _: np.array([1.0, np.nan, 0.0])),
        r"frame 1: 'ego2global_translation' is an array float64 of shape \(3,\) with NaN or inf, expected finite",
    ),
    "wrong shape": (
        edited("can_bus", lambda _: np.zeros(17)),
        r"frame 1: 'can_bus' is an array float64 of shape \(17,\), expected numbers of shape \(18,\)",
    ),
    "no rotation": (
        edited("ego2global_rotation", lambda _: np.array([1.0, 1.0, 0.0, 0.0])),
        r"'ego2global_rotation' .* expected a unit quaternion",
    ),
    "two commands": (
        edited("driving_command", lambda _: np.array([1, 1, 0, 0])),
        r"'driving_command' .* expected a one-hot vector",
    ),
    "road blocks as numbers": (edited("roadblock_ids", lambda _: [1, 2]), r"'roadblock_ids' .* a list of texts"),
    "lights without state": (edited("traffic_lights", lambda _: [(1,)]), r"'traffic_lights' .* a list of \(lane"),
    "time as text": (edited("timestamp", str), r"'timestamp' is '16.*expected an integer"),
    "boxes of six numbers": (
        edited("anns", lambda anns: {**anns, "gt_boxes": np.zeros((2, 6))}),
        r"frame 1 'anns': 'gt_boxes' .* expected numbers of shape \(None, 7\)",
    ),
    "too few names": (
        edited("anns", lambda anns: {**anns, "gt_names": np.array(["vehicle"])}),
        r"'gt_names' .* expected 2 texts",
    ),
    "box with inf": (
        edited("anns", lambda anns: {**anns, "gt_boxes": np.full((2, 7), np.inf)}),
        r"'gt_boxes' .* expected finite numbers",
    ),
    "annotations as list": (edited("anns", lambda _: []), r"'anns' is a list of 0, expected a dictionary"),
    **{
        f"no {key}": (without(key), rf"frame 1: '{key}' is missing, expected ")
        for key in ("token", "timestamp", "frame_idx", "can_bus", "roadblock_ids", "traffic_lights", "cams")
    },
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_is_refused_with_its_number_and_key(name: str, tmp_path: Path) -> None:
    frames, message = BAD_FRAMES[name]
    with pytest.raises(DataError, match=message) as caught:
        converted(frames, tmp_path)
    assert caught.value.path.endswith(f"{LOG}.pkl")
    assert not (tmp_path / "b.arrow").exists()
