"""Converted NAVSIM logs and synthetic scenes hold what the devkit and the neutral recordings say they hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.adapters.navsim.filters import read_mapping
from lead_xb.adapters.navsim.logs import LogTask, native_log
from lead_xb.adapters.navsim.payloads import native_cloud
from lead_xb.adapters.navsim.sensors import LIDAR_COLUMN
from lead_xb.adapters.navsim.synthetic import SyntheticTask
from lead_xb.adapters.navsim.synthetic_scene import STEP_US, TRACKS_KEY, native_scene
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.codec import same_bits
from lead_xb.store.frame import Frame
from lead_xb.store.frames import yaw_of
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.tasks import Task
from lead_xb.store.unpickle import NUMPY, NUPLAN, loads

HISTORY = 4
POINT_FIELDS = ("intensity", "ring", "lidar_id")

Converted = list[tuple[Task, Scene]]


@pytest.fixture(scope="module")
def recordings(topic: Callable[[str], Path]) -> Path:
    return topic("navsim")


@pytest.fixture(scope="module")
def converted(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Every log and synthetic scene, with its sensor files embedded where there are any."""
    out = tmp_path_factory.mktemp("navsim")
    native = recordings / "native"
    source = NavsimConfig(source=native, maps=native / "maps", split="all", images="keep", sensors="present").build()
    scenes = []
    for task in source.tasks():
        if task.kind == "scene":
            task.write(out / f"{task.id}.arrow")
            scenes.append((task, open_scene(out / f"{task.id}.arrow", roots=source.roots)))
    return scenes


@pytest.fixture(scope="module")
def logs(converted: Converted) -> dict[str, Scene]:
    found = {task.id: scene for task, scene in converted if isinstance(task, LogTask)}
    assert found
    return found


@pytest.fixture(scope="module")
def frames(logs: Mapping[str, Scene]) -> dict[str, Frame]:
    return {frame.token: frame for scene in logs.values() for frame in scene}


def neutral(recordings: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.ipc.open_file(recordings / f"{name}.arrow").read_all().to_pylist()
    assert rows
    return rows


def by_token(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["token"], []).append(row)
    return groups


def test_every_pickle_comes_back_bit_for_bit(converted: Converted) -> None:
    assert converted
    for task, scene in converted:
        if isinstance(task, LogTask):
            assert same_bits(native_log(scene), loads(task.path.read_bytes(), path=task.id, allow=NUMPY)), task.id
        elif isinstance(task, SyntheticTask):
            assert same_bits(native_scene(scene), loads(task.path.read_bytes(), path=task.id, allow=NUPLAN)), task.id


def test_rows_equal_the_neutral_frames(recordings: Path, frames: Mapping[str, Frame]) -> None:
    rows = neutral(recordings, "frames")
    assert {row["token"] for row in rows} == set(frames)
    for row in rows:
        frame = frames[row["token"]]
        assert frame.meta.scene_id == row["log_name"]
        assert frame.meta.location == row["map_location"]
        assert frame["frame.source_index"] == row["frame_idx"]
        assert frame.timestamp_us == row["timestamp_us"]
        assert frame["ego.pose"].tolist() == [row[name] for name in ("x", "y", "z", "qw", "qx", "qy", "qz")]
        assert frame["ego.velocity"].tolist() == [row["vx"], row["vy"]]
        assert frame["ego.acceleration"].tolist() == [row["ax"], row["ay"]]
        assert frame["navigation.command_raw"] == row["driving_command"]
        assert ",".join(frame["navigation.road_blocks"]) == row["roadblock_ids"]


def test_boxes_equal_the_neutral_boxes(recordings: Path, frames: Mapping[str, Frame]) -> None:
    groups = by_token(neutral(recordings, "boxes"))
    assert set(groups) <= set(frames)
    for token, frame in frames.items():
        boxes, rows = frame.boxes, groups.get(token, [])
        assert boxes is not None
        assert boxes.strings("native_class") == [row["name"] for row in rows]
        assert boxes.strings("token") == [row["instance_token"] for row in rows]
        assert boxes.strings("track_token") == [row["track_token"] for row in rows]
        assert boxes.center.tolist() == [[row[axis] for axis in "xyz"] for row in rows]
        assert boxes.size.tolist() == [[row[side] for side in ("length", "width", "height")] for row in rows]
        assert boxes.yaw.tolist() == [row["heading"] for row in rows]
        assert boxes.column("velocity").value.tolist() == [[row["vx"], row["vy"]] for row in rows]
        assert boxes.column("velocity_z").value.tolist() == [row["vz"] for row in rows]


def test_lights_equal_the_neutral_lights(recordings: Path, frames: Mapping[str, Frame]) -> None:
    groups = by_token(neutral(recordings, "traffic_lights"))
    assert set(groups) <= set(frames)
    for token, frame in frames.items():
        found = [(light["lane_id"], light["state"]) for light in frame["traffic_lights"].to_pylist()]
        states = {True: LightState.RED, False: LightState.NOT_RED}
        assert found == [(str(row["lane_connector_id"]), states[row["is_red"]]) for row in groups.get(token, [])]


def agent_inputs(recordings: Path, logs: Mapping[str, Scene]) -> list[tuple[Mapping[str, np.ndarray], list[Frame]]]:
    """What the devkit's loader gave an agent, with our rows of the same history."""
    scenes = json.loads((recordings / "scenes.json").read_text())["scenes"]
    found: list[tuple[Mapping[str, np.ndarray], list[Frame]]] = []
    for path in sorted(recordings.glob("agent_input_*.npz")):
        name, _, when = path.stem.removeprefix("agent_input_").rpartition("_")
        log = logs[scenes[name]["log_name"]]
        current = next(row for row, frame in enumerate(log) if frame.token == scenes[name][when])
        with np.load(path) as arrays:
            found.append((dict(arrays), [log.frame(row) for row in range(current - HISTORY + 1, current + 1)]))
    if not found:
        pytest.skip(f"no agent_input_*.npz in {recordings}")
    return found


def relative_pose(frame: Frame, origin: Frame) -> list[float]:
    """x, y, yaw of a row in the ego frame of another (the recorded poses have no roll and pitch)."""
    world, base = frame.world_from_ego, origin.world_from_ego
    assert world is not None
    assert base is not None
    matrix = np.linalg.inv(base) @ world
    return [*matrix[:2, 3], float(yaw_of(matrix[:3, :3]))]


def test_an_agent_sees_the_same_ego_history(recordings: Path, logs: Mapping[str, Scene]) -> None:
    for expected, history in agent_inputs(recordings, logs):
        for name in ("velocity", "acceleration"):
            ours = np.array([frame[f"ego.{name}"] for frame in history]).astype(np.float32)
            assert np.array_equal(ours, expected[f"ego_{name}"])
        commands = np.eye(HISTORY, dtype=int)[[frame["navigation.command_raw"] for frame in history]]
        assert np.array_equal(commands, expected["driving_command"])
        poses = np.array([relative_pose(frame, history[-1]) for frame in history])
        assert poses == pytest.approx(expected["ego_pose"], abs=1e-5)


def test_an_agent_sees_the_same_image_and_cloud(recordings: Path, logs: Mapping[str, Scene]) -> None:
    for expected, history in agent_inputs(recordings, logs):
        image = history[-1].image("CAM_F0")
        cloud = history[-1].native_points(LIDAR_COLUMN)
        assert image is not None
        assert cloud is not None
        assert image.mean(axis=(0, 1)) == pytest.approx(expected["cam_f0_mean_rgb"], abs=1e-9)
        assert np.array_equal(cloud.coordinates.T, expected["lidar_pc"][:3])
        native = native_log(logs[history[-1].meta.scene_id])[history[-1].scene_row]
        names = _field_names(recordings / "native" / "sensor_blobs" / history[-1].meta.folder / native["lidar_path"])
        attributes = [cloud.attributes[name] for name in names if name not in ("x", "y", "z")]
        assert len(attributes) == len(POINT_FIELDS)
        assert np.array_equal(np.array(attributes, np.float32), expected["lidar_pc"][3:])


def _field_names(path: Path) -> list[str]:
    return path.read_bytes().partition(b"FIELDS ")[2].partition(b"\n")[0].decode().split()


def test_sensor_files_are_embedded_byte_for_byte(recordings: Path, logs: Mapping[str, Scene]) -> None:
    blobs = recordings / "native" / "sensor_blobs"
    compared = 0
    for scene in logs.values():
        for frame, native in zip(scene, native_log(scene), strict=True):
            for name, entry in native["cams"].items():
                path = blobs / scene.meta.folder / entry["data_path"]
                column = f"image.{name.lower()}"
                stored = frame.payload(column) if column in scene.meta.rig.columns() else None
                assert stored == (path.read_bytes() if path.exists() else None)
                compared += path.exists()
            path = blobs / scene.meta.folder / native["lidar_path"]
            assert native_cloud(frame) == (path.read_bytes() if path.exists() else None)
    assert compared == len([path for path in blobs.rglob("*.jpg")])


def test_the_mapping_links_both_stages(recordings: Path, converted: Converted, frames: Mapping[str, Frame]) -> None:
    synthetic = {scene.meta.initial_token: scene for task, scene in converted if isinstance(task, SyntheticTask)}
    pairs = read_mapping(recordings / "scenes.json")
    seconds = {token for pair in pairs for second in pair.second_stage for token in second}
    assert seconds == set(synthetic)
    for pair in pairs:
        for now, previous in pair.second_stage:
            for token, first in ((now, pair.now), (previous, pair.previous)):
                metadata = native_scene(synthetic[token])["scene_metadata"]
                assert metadata["corresponding_original_initial_token"] == first
                original = synthetic[token].meta.original_token
                assert original is not None
                assert frames[original].meta.scene_id == frames[first].meta.scene_id == metadata["log_name"]


def test_synthetic_files_are_called_by_their_initial_token(converted: Converted) -> None:
    scenes = [(task, scene) for task, scene in converted if isinstance(task, SyntheticTask)]
    assert scenes
    for task, scene in scenes:
        native = native_scene(scene)["scene_metadata"]
        assert task.path.stem == scene.meta.scene_id == scene.meta.initial_token == native["scene_token"]
        assert scene.frame((scene.meta.history_rows or 0) - 1).token == scene.meta.initial_token
        assert scene.meta.log == native["log_name"]


def test_extended_steps_have_the_times_and_places_of_their_objects(converted: Converted) -> None:
    scenes = [scene for task, scene in converted if isinstance(task, SyntheticTask)]
    assert scenes
    for scene in scenes:
        steps = native_scene(scene)[TRACKS_KEY]
        recorded = [frame for frame in scene if frame["frame.kind"] == "recorded"]
        world = recorded[-1].world_from_ego
        assert world is not None
        assert [frame["frame.is_key"] for frame in scene].count(True) == 1
        assert len(scene) == len(recorded) + len(steps)
        for step, tracks in enumerate(steps):
            frame = scene.frame(len(recorded) + step)
            assert frame["boxes.pose"].tolist() == recorded[-1]["ego.pose"].tolist()
            assert frame.timestamp_us == recorded[-1].timestamp_us + (step + 1) * STEP_US
            objects = tracks.get("tracked_objects").get("tracked_objects")
            assert frame.boxes is not None
            assert len(frame.boxes) == len(objects)
            centers = frame.boxes.center @ world[:3, :3].T + world[:3, 3]
            for item, center, yaw in zip(objects, centers, frame.boxes.yaw, strict=True):
                pose = item.get("_box").get("_center")
                assert item.get("_metadata").get("timestamp_us") == frame.timestamp_us
                assert center[:2] == pytest.approx([pose.get("x"), pose.get("y")], abs=1e-8)
                turn = yaw + float(yaw_of(world[:3, :3])) - pose.get("heading")
                assert np.cos(turn) == pytest.approx(1.0, abs=1e-12)
