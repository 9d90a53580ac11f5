"""Do 123D logs fit the canonical scene? Written by hand from the recording, read back, compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Payload, PointSensor, Rig
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.codec import same_bits
from lead_xb.store.frames import pose_to_matrix
from lead_xb.store.points import NativeCloud, pack_points
from lead_xb.store.scene import Scene

from . import py123d
from .py123d_recording import BOXES, EGO, LIGHTS, META, Log
from .py123d_rig import column_of, ground_of
from .round_trip import GOLDEN, assert_lossless, leftovers, written

SYNC, ASYNC = "sync_town10hd", "async_town10hd"
CAMERA = "camera.pcam_f0"

Trial = tuple[Scene, Log, dict[str, Any]]


def write(log: Log, path: Path) -> Scene:
    imu_from_ego = ground_of(log)
    rows = [(py123d.cells_of(log, native, imu_from_ego), native) for native in log.rows]
    return written(path, py123d.meta_of(log, imu_from_ego), rows, py123d.rebuild)


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    """Both logs as (scene, log, what the 123D package reads from it)."""
    expected = json.loads((GOLDEN / "py123d" / "expected.json").read_text())["logs"]
    found = {}
    for name in (SYNC, ASYNC):
        log = Log(name)
        found[name] = write(log, tmp_path_factory.mktemp("py123d") / f"{name}.arrow"), log, expected[name]
    return found


@pytest.mark.parametrize("name", [SYNC, ASYNC])
def test_every_recorded_value_comes_back_bit_for_bit(trials: dict[str, Trial], name: str) -> None:
    scene, log, _ = trials[name]
    assert_lossless(scene, log.rows, py123d.rebuild)
    # Global boxes and IMU poses are kept in another frame; the driving meta has parts that no column is for.
    assert leftovers(scene) == {BOXES, EGO, "metadata"} | ({META} if name == SYNC else set())
    for frame in scene:
        parts = {key: set(patch[1]) for key, patch in frame.extra().items() if patch[0] == "d"}
        assert parts.get(EGO) == {"imu_se3"} and parts.get(BOXES, set()) <= {"bounding_box_se3", "velocity_3d"}


def test_custom_labels_fill_the_columns_and_the_rest_stays_in_extra(trials: dict[str, Trial]) -> None:
    scene, _, expected = trials[SYNC]
    for frame, read in zip(scene, expected["frames"], strict=True):
        meta = read["custom"]
        assert (frame["expert.steer"], frame["expert.brake"]) == (meta["steer"], meta["brake"])
        assert (frame["expert.target_speed"], frame["expert.scenario"]) == (meta["target_speed"], meta["scenario"])
        assert frame["navigation.command_raw"] == frame["navigation.command"] == meta["command"]
        kept = frame.extra()[META][1]["data"][1]
        assert set(kept) == {"target_point", "nested", "weather"}


def test_rows_are_ego_states_and_nothing_is_repeated(trials: dict[str, Trial]) -> None:
    scene, log, _ = trials[ASYNC]
    assert len(scene) == 24 and sum(frame["frame.is_key"] for frame in scene) == 6
    assert [frame["frame.is_key"] for frame in scene] == [frame.has("image.pcam_f0") for frame in scene]
    assert [frame.token for frame in scene if len(frame.token) == 36] == list(log.tokens.values())
    for key in ("camera.pcam_f0", "camera_semantic.pcam_f0", "camera_depth.pcam_f0", "lidar.lidar_top"):
        column = key if key.startswith("lidar") else column_of(key)
        stamps = [frame[column]["timestamp_us"] for frame in scene if frame.has(column)]
        assert stamps == log.tables[key][f"{key}.timestamp_us"].to_pylist()
    boxes = [frame["boxes.timestamp_us"] for frame in scene if frame.boxes is not None]
    assert boxes == log.tables[BOXES][f"{BOXES}.timestamp_us"].to_pylist()


def test_a_sensor_that_fires_between_two_rows_keeps_its_own_time(tmp_path: Path) -> None:
    log = Log(ASYNC, ego_step=2)
    scene = write(log, tmp_path / "slow.arrow")
    shown = [(frame, frame["image.pcam_f0"]["timestamp_us"]) for frame in scene if frame.has("image.pcam_f0")]
    assert len(scene) == 12 and len(shown) == 6
    assert all(49_000 < time - frame.timestamp_us < 51_000 for frame, time in shown)
    assert_lossless(scene, log.rows, py123d.rebuild)


@pytest.mark.parametrize("name", [SYNC, ASYNC])
def test_the_ego_stands_on_the_ground_and_poses_agree(trials: dict[str, Trial], name: str) -> None:
    scene, log, _ = trials[name]
    imu_from_ego = np.array(scene.meta.rig.source_from_ego)
    assert imu_from_ego[2, 3] == pytest.approx(0.38579 - 1.49028 / 2)
    for frame, native in zip(scene, log.rows, strict=True):
        recorded = native[EGO]["imu_se3"]
        np.testing.assert_allclose(frame["ego.pose"][:2], recorded[:2], atol=1e-9)
        assert frame["ego.pose"][2] == pytest.approx(recorded[2] - 0.35935)
        assert same_bits(frame["ego.velocity"], native[EGO]["dynamic_state_se3"][:2].copy())
    vehicle = scene.meta.rig.vehicle
    assert vehicle is not None and (vehicle.wheel_base_m, vehicle.center_x_m) == (2.86048, 1.64855)


@pytest.mark.parametrize("name", [SYNC, ASYNC])
def test_boxes_go_back_to_the_global_frame(trials: dict[str, Trial], name: str) -> None:
    scene, log, _ = trials[name]
    for frame, native in zip(scene, log.rows, strict=True):
        boxes, world = frame.boxes, frame.world_from_ego
        assert (boxes is None) == (native[BOXES] is None) and world is not None
        if boxes is None:
            continue
        recorded = native[BOXES]["bounding_box_se3"]
        np.testing.assert_allclose(boxes.center @ world[:3, :3].T + world[:3, 3], recorded[:, :3], atol=1e-9)
        assert same_bits(boxes.size, recorded[:, 7:].copy())
        heading = 2.0 * np.arctan2(recorded[:, 6], recorded[:, 3])
        ego_heading = 2.0 * np.arctan2(native[EGO]["imu_se3"][6], native[EGO]["imu_se3"][3])
        np.testing.assert_allclose(np.exp(1j * boxes.yaw), np.exp(1j * (heading - ego_heading)), atol=1e-9)
        velocity, points = boxes.column("velocity"), boxes.column("num_lidar_points")
        assert velocity.valid.tolist() == [v is not None for v in native[BOXES]["velocity_3d"]]
        assert points.valid.tolist() == [n is not None for n in native[BOXES]["num_lidar_points"]]
        in_ego = np.column_stack([velocity.value, boxes.column("velocity_z").value])[velocity.valid]
        moving = [v for v in native[BOXES]["velocity_3d"] if v is not None]
        np.testing.assert_allclose(in_ego @ world[:3, :3].T, moving, atol=1e-9)
        two_wheelers = np.flatnonzero(np.array(native[BOXES]["label"]) == 3)
        assert boxes.where(Category.TWO_WHEELER).tolist() == two_wheelers.tolist()


def test_lights_tell_nothing_from_no_lights(trials: dict[str, Trial]) -> None:
    scene, _, expected = trials[SYNC]
    states = {0: LightState.GREEN, 1: LightState.YELLOW, 2: LightState.RED, 3: LightState.OFF, 4: LightState.UNKNOWN}
    for frame, read in zip(scene, expected["frames"], strict=True):
        lights, recorded = frame["traffic_lights"], read["traffic_lights"]
        if recorded is None:
            assert lights is None and frame["traffic_lights.timestamp_us"] is None
            continue
        assert lights.to_pylist() == [{"lane_id": str(id), "state": states[status]} for id, status in recorded]
    assert [frame["traffic_lights"] is None for frame in scene].count(True) == 2
    assert any(frame["traffic_lights"] is not None and not len(frame["traffic_lights"]) for frame in scene)


@pytest.mark.parametrize("name", [SYNC, ASYNC])
def test_cameras_decode_and_keep_their_recorded_poses(trials: dict[str, Trial], name: str) -> None:
    scene, log, expected = trials[name]
    seen = {(id, c["t"]): c for frame in expected["frames"] for id, c in frame["cameras"].items() if c is not None}
    shown = 0
    for frame in scene:
        poses = {item["column"]: np.array(item["pose"]) for item in frame["frame.sensor_poses"].to_pylist()}
        for camera in frame.rig.cameras:
            image = frame.image(camera.name)
            if image is None:
                continue
            recorded = seen[camera.name, frame[f"image.{camera.name}"]["timestamp_us"]]
            assert hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest() == recorded["sha256_rgb"]
            assert same_bits(poses[f"image.{camera.name}"], np.array(recorded["camera_to_global"]))
            mounted = frame.world_from_ego @ np.array(camera.ego_from_camera)
            np.testing.assert_allclose(mounted, pose_to_matrix(poses[f"image.{camera.name}"]), atol=1e-9)
            shown += 1
    assert shown == {SYNC: 36, ASYNC: 6}[name] and set(log.metadata) > {EGO}


def test_label_images_decode(trials: dict[str, Trial]) -> None:
    scene, _, expected = trials[ASYNC]
    for kind, column in (("semantic", "semantic.pcam_f0"), ("depth", "depth.pcam_f0")):
        seen = {frame[kind]["t"]: frame[kind] for frame in expected["frames"] if frame[kind] is not None}
        for frame in (frame for frame in scene if frame.has(column)):
            codes, recorded = frame.codes(column), seen[frame[column]["timestamp_us"]]
            assert codes is not None and codes.dtype.name == recorded["dtype"]
            assert hashlib.sha256(np.ascontiguousarray(codes).tobytes()).hexdigest() == recorded["sha256"]
            if kind == "depth":
                metres = (codes / 65535.0 * 64.0).astype(np.float32)
                np.testing.assert_array_equal(frame.depth(column), metres)


@pytest.mark.parametrize(("name", "lowest"), [(SYNC, "int32"), (ASYNC, "float32")])
def test_clouds_keep_their_numbers_their_features_and_both_ends_of_the_sweep(
    trials: dict[str, Trial], name: str, lowest: str
) -> None:
    scene, _, expected = trials[name]
    seen = {frame["lidar"]["t"]: frame["lidar"] for frame in expected["frames"] if frame["lidar"] is not None}
    for frame in (frame for frame in scene if frame.has("lidar.lidar_top")):
        cell, native, cloud = (
            frame["lidar.lidar_top"],
            frame.native_points("lidar.lidar_top"),
            frame.points("lidar.lidar_top"),
        )
        recorded = seen[cell["timestamp_us"]]
        assert native is not None and cloud is not None
        assert cell["end_timestamp_us"] == recorded["t_end"] and len(native.coordinates) == recorded["n"]
        assert native.coordinates.dtype.name == lowest and native.attributes["intensity"].dtype == np.uint8
        in_imu = cloud.xyz - np.array([0.0, 0.0, 0.35935])
        np.testing.assert_allclose(in_imu[:3], recorded["first"], atol=1e-6)
        np.testing.assert_allclose(in_imu.sum(axis=0), recorded["sum"], atol=1e-2)


@pytest.mark.parametrize("name", [SYNC, ASYNC])
def test_progress_along_the_route_is_kept(trials: dict[str, Trial], name: str) -> None:
    scene, log, _ = trials[name]
    for frame, native in zip(scene, log.rows, strict=True):
        assert frame["navigation.route_progress"] == native["route_position"]["progress_m"]
        assert frame["navigation.route_remaining"] == native["route_position"]["remaining_m"]
    # The polyline itself is one for the log: it is kept once, with the other metadata.
    assert len(scene.frame(0).extra()["metadata"][1]["route_position"]["polyline_x"]) > 4


def test_rare_streams_have_no_column_and_survive_in_extra(tmp_path: Path) -> None:
    log = Log(SYNC)
    rare = {
        "imu.imu_front": {"timestamp_us": np.arange(3), "angular_velocity": np.ones((3, 3)), "covariance": None},
        "gnss.gnss": {"timestamp_us": 5, "fix": (8.4, 49.0, np.inf), "quality": np.int32(4)},
    }
    natives = [{**native, **rare} for native in log.rows[:3]]
    natives[1][EGO] = {**natives[1][EGO], "uncertainty_se3": np.full(9, 0.01), "quality_flags": 3, "fix_age_s": np.nan}
    natives[2][CAMERA] = {**natives[2][CAMERA], "exposure_factor": np.float32(1.25)}
    log.rows = natives
    scene = write(log, tmp_path / "rare.arrow")
    assert_lossless(scene, natives, py123d.rebuild)
    assert leftovers(scene) >= {*rare, CAMERA}


def test_other_codes_of_labels_and_points_have_a_place(trials: dict[str, Trial], tmp_path: Path) -> None:
    base = trials[ASYNC][0].meta
    payloads = (
        Payload(column="semantic.instance", codec="png", coding="instance"),
        Payload(
            column="depth.inverse",
            codec="png",
            coding="depth_inverse",
            bits=16,
            max_depth_m=80.0,
            min_depth_m=0.5,
            invalid_code=0,
            along_ray=True,
        ),
    )
    lidar = PointSensor(
        column="lidar.merged",
        ego_from_sensor=base.rig.source_from_ego,
        coordinates="float32",
        attributes={"timestamps": "int64", "ids": "uint8"},
    )
    rig = Rig(source_from_ego=base.rig.source_from_ego, payloads=payloads, points=(lidar,))
    codes = np.array([[0, 1], [700, 65535]], np.uint16)
    data = {"bytes": cv2.imencode(".png", codes)[1].tobytes()}
    stamps = {"timestamps": np.array([10**15, 10**15 + 7]), "ids": np.array([2, 3], np.uint8)}
    cells = {
        "frame.token": "a",
        "frame.timestamp_us": 0,
        "frame.is_key": True,
        "frame.kind": "recorded",
        "semantic.instance": data,
        "depth.inverse": data,
        "lidar.merged": pack_points(NativeCloud(np.ones((2, 3), np.float32), stamps)),
    }
    meta = type(base)(scene_id="codes", source="py123d", location=None, map_id=None, folder="", rig=rig)
    frame = written(tmp_path / "codes.arrow", meta, [(cells, {})], lambda _: {}).frame(0)
    assert frame.rig == rig
    np.testing.assert_array_equal(frame.codes("semantic.instance"), codes)
    with pytest.raises(DataError, match="kept but not decoded; read `codes` instead"):
        frame.depth("depth.inverse")
    cloud = frame.native_points("lidar.merged")
    assert cloud is not None and all(same_bits(cloud.attributes[name], stamps[name]) for name in stamps)


def test_a_map_of_its_own_is_named_after_the_log(trials: dict[str, Trial]) -> None:
    assert trials[SYNC][0].meta.map_id == "py123d-town10hd-sync_town10hd"
    assert trials[ASYNC][0].meta.map_id is None
    assert LIGHTS not in trials[ASYNC][1].tables
