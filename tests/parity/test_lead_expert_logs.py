"""CARLA expert logs against recordings of LEAD: nothing lost, and poses, boxes and tracks where LEAD puts them."""

from __future__ import annotations

import io
import json
import lzma
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.adapters.carla.logs import RouteTask
from lead_xb.adapters.carla.rows import IDS, SAME, native_frame, native_results, rebuild
from lead_xb.adapters.carla.tracks import FUTURE_KEYS, PAST_KEYS
from lead_xb.schemas.navigation import Command
from lead_xb.store import frames
from lead_xb.store.codec import same_bits
from lead_xb.store.frame import Frame
from lead_xb.store.frames import CARLA
from lead_xb.store.scene import Scene, open_scene

from .lead_terrain import terrain_height

Topic = Callable[[str], Path]


@pytest.fixture(scope="module")
def cases(topic: Topic) -> dict[str, Any]:
    folder = topic("lead-expert-logs")
    cases: dict[str, Any] = json.loads((folder / "cases.json").read_text())
    return cases


@pytest.fixture(scope="module")
def routes(topic: Topic, cases: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Scene]:
    """Native route folder -> converted scene."""
    root = topic("lead-expert-logs") / cases["carla_root"]
    out = tmp_path_factory.mktemp("scenes")
    scenes = {}
    for task in CarlaConfig(source=root).build().tasks():
        assert isinstance(task, RouteTask)
        path = out / f"{task.id}.arrow"
        task.write(path)
        scenes[task.route.path] = open_scene(path)
    return scenes


def every_frame(routes: dict[Path, Scene]) -> Iterator[tuple[Path, Frame, str]]:
    """Each frame with its route folder and its file stem."""
    for folder, scene in routes.items():
        stems = sorted(path.stem for path in (folder / "metas").iterdir())
        assert len(stems) == len(scene)
        for frame, stem in zip(scene, stems, strict=True):
            yield folder, frame, stem


@pytest.mark.filterwarnings("ignore:numpy.core.numeric is deprecated")
def unpickled(path: Path) -> Any:
    """Our own recordings, so that plain pickle is the independent witness."""
    return pickle.loads(lzma.decompress(path.read_bytes()))


def test_every_recorded_route_is_converted_whole(cases: dict[str, Any], routes: dict[Path, Scene]) -> None:
    assert {folder.name: len(scene) for folder, scene in routes.items()} == {
        Path(route["path"]).name: route["frames"] for route in cases["routes"]
    }


@pytest.mark.filterwarnings("ignore:numpy.core.numeric is deprecated")
def test_every_key_of_metas_boxes_and_results_is_rebuilt_with_type_and_bits(routes: dict[Path, Scene]) -> None:
    for folder, frame, stem in every_frame(routes):
        meta, boxes = native_frame(frame)
        assert same_bits(meta, unpickled(folder / f"metas/{stem}.pkl")), (folder, stem)
        assert same_bits(boxes, unpickled(folder / f"bboxes/{stem}.pkl")), (folder, stem)
        results = folder / "results.json"
        assert native_results(frame) == (json.loads(results.read_text()) if results.exists() else None)


IMAGES = {
    "rgb": ("image.strip", "jpg"),
    "semantics": ("semantic.strip", "png"),
    "depth": ("depth.strip", "png"),
    "hdmap": ("bev_map.hdmap", "png"),
}


def test_image_bytes_of_both_rigs_are_identical(routes: dict[Path, Scene]) -> None:
    for folder, frame, stem in every_frame(routes):
        for name, (column, extension) in IMAGES.items():
            assert frame.payload(column) == (folder / name / f"{stem}.{extension}").read_bytes()
            perturbed = folder / f"{name}_perturbated" / f"{stem}.{extension}"
            if perturbed.exists():
                assert frame.payload(f"view.perturbed.{column}") == perturbed.read_bytes()


def test_lidar_integers_and_radar_floats_are_identical(routes: dict[Path, Scene]) -> None:
    for folder, frame, stem in every_frame(routes):
        native = laspy.read(io.BytesIO((folder / f"lidar/{stem}.laz").read_bytes()))
        cloud = frame.native_points("lidar.top")
        assert cloud is not None
        np.testing.assert_array_equal(cloud.coordinates, np.stack([native.X, native.Y, native.Z], axis=1))
        np.testing.assert_array_equal(cloud.attributes["time"], native["time"])
        assert same_bits(cloud.metres(), np.stack([native.x, native.y, native.z], axis=1))
        for rig, prefix in (("radar", ""), ("radar_perturbated", "view.perturbed.")):
            with np.load(folder / rig / f"{stem}.npz") as radars:
                for name in radars.files:
                    radar = frame.native_points(f"{prefix}radar.{name}")
                    assert radar is not None
                    back = np.concatenate([radar.coordinates, radar.attributes["velocity"][:, None]], axis=1)
                    assert same_bits(back, radars[name])


def test_the_ego_stands_where_carla_puts_its_rear_axle(routes: dict[Path, Scene]) -> None:
    for folder, frame, stem in every_frame(routes):
        meta = unpickled(folder / f"metas/{stem}.pkl")
        actor = np.asarray(meta["ego_matrix"], float)
        rear_axle = actor @ [-1.389, 0.0, 0.0, 1.0]
        np.testing.assert_allclose(frame["ego.pose"][:3], rear_axle[:3] * [1, -1, 1], atol=1e-9)
        world_from_ego = frame.world_from_ego
        assert world_from_ego is not None
        assert frames.yaw_of(world_from_ego[:3, :3]) == pytest.approx(-np.arctan2(actor[1, 0], actor[0, 0]), abs=1e-6)


def test_recorded_pitch_and_height_have_the_recorded_sign(cases: dict[str, Any], routes: dict[Path, Scene]) -> None:
    by_name = {folder.name: scene for folder, scene in routes.items()}
    for route in cases["routes"]:
        for frame in by_name[Path(route["path"]).name]:
            row, pose = frame.scene_row, frame.world_from_ego
            assert pose is not None
            pitch = np.rad2deg(np.arcsin(np.clip(pose[2, 0], -1, 1)))
            roll = np.rad2deg(np.arctan2(pose[2, 1], pose[2, 2]))
            assert pitch == pytest.approx(route["ego"]["pitch_deg"][row], abs=1e-3)
            assert roll == pytest.approx(route["ego"]["roll_deg"][row], abs=1e-3)


def test_boxes_stand_where_their_world_matrices_say(routes: dict[Path, Scene]) -> None:
    for folder, frame, stem in every_frame(routes):
        native, boxes, pose = unpickled(folder / f"bboxes/{stem}.pkl"), frame.boxes, frame.world_from_ego
        assert boxes is not None and pose is not None
        for number, box in enumerate(native):
            up = 0.0 if box["class"] in ("static_prop_car", "traffic_light", "stop_sign") else box["extent"][2]
            centre = np.asarray(box["matrix"], float) @ [0.0, 0.0, up, 1.0]
            in_world = frames.transform_points(pose, boxes.center[number])
            np.testing.assert_allclose(in_world, centre[:3] * [1, -1, 1], atol=5e-3)
            np.testing.assert_allclose(boxes.size[number], 2.0 * np.asarray(box["extent"], float))


def test_the_recorded_future_meets_the_poses_of_later_frames(routes: dict[Path, Scene]) -> None:
    """20 Hz futures against 4 Hz poses: two recordings of the same drive, through different conversions."""
    compared = 0
    for scene in routes.values():
        for frame in scene:
            position, yaw = frame["ego_future.position"], frame["ego_future.yaw"]
            step_us, now = frame["ego_future.step_us"], frame.world_from_ego
            for later in range(frame.scene_row + 1, len(scene)):
                other = scene.frame(later)
                index = (other.timestamp_us - frame.timestamp_us) // step_us
                pose = other.world_from_ego
                if index >= len(position) or now is None or pose is None:
                    break
                relative = frames.invert(now) @ pose
                np.testing.assert_allclose(position[index], relative[:2, 3], atol=0.02)
                assert yaw[index] == pytest.approx(frames.yaw_of(relative[:3, :3]), abs=0.005)
                compared += 1
    assert compared > 50


def test_route_and_target_points_are_those_of_the_meta(routes: dict[Path, Scene]) -> None:
    for folder, frame, stem in every_frame(routes):
        meta = unpickled(folder / f"metas/{stem}.pkl")
        reach = frame["navigation.reach_m"]
        np.testing.assert_array_equal(
            frames.mirror(frame["navigation.target_points"], CARLA), meta[f"next_target_points_{reach}"]
        )
        np.testing.assert_allclose(frame["navigation.route"], meta["route"] * [1, -1] + [1.389, 0], atol=1e-9)
        assert frame["navigation.command_raw"] == meta[f"next_commands_{reach}"][0]


def test_actor_futures_meet_the_boxes_of_later_frames(routes: dict[Path, Scene]) -> None:
    """Float16 futures against the boxes of the frame one save interval later, through both ego poses."""
    compared = 0
    for scene in routes.values():
        for frame in list(scene)[:-1]:
            later = scene.frame(frame.scene_row + 1)
            boxes, others, now, then = frame.boxes, later.boxes, frame.world_from_ego, later.world_from_ego
            assert boxes is not None and others is not None and now is not None and then is not None
            by_token = {token: i for i, token in enumerate(others.strings("track_token"))}
            steps, relative = boxes.column("future_step_us"), frames.invert(now) @ then
            for number, token in enumerate(boxes.strings("track_token")):
                position, yaw = boxes.track("future_position", number), boxes.track("future_yaw", number)
                index = (later.timestamp_us - frame.timestamp_us) // max(int(steps.value[number]), 1)
                if position is None or yaw is None or token not in by_token or index >= len(position):
                    continue
                other = by_token[token]
                seen = frames.transform_points(relative, others.center[other])
                np.testing.assert_allclose(position[index], seen[:2], atol=0.25)
                turned = others.yaw[other] + frames.yaw_of(relative[:3, :3]) - yaw[index]
                assert abs(np.angle(np.exp(1j * turned))) < 0.02
                compared += 1
    assert compared > 50


def test_the_recorded_past_meets_the_poses_of_earlier_frames(routes: dict[Path, Scene]) -> None:
    compared = 0
    for scene in routes.values():
        for frame in scene:
            position, step_us, now = frame["ego_past.position"], frame["ego_past.step_us"], frame.world_from_ego
            assert step_us < 0 and now is not None
            for earlier in scene:
                index = (earlier.timestamp_us - frame.timestamp_us) // step_us
                pose = earlier.world_from_ego
                if earlier.scene_row < frame.scene_row and index < len(position) and pose is not None:
                    np.testing.assert_allclose(position[index], (frames.invert(now) @ pose)[:2, 3], atol=0.02)
                    compared += 1
    assert compared > 50


def test_imu_and_commands_are_those_of_the_meta_in_our_frame(routes: dict[Path, Scene]) -> None:
    turned = 0.0
    for folder, frame, stem in every_frame(routes):
        meta = unpickled(folder / f"metas/{stem}.pkl")
        np.testing.assert_array_equal(frame["ego.acceleration"], [meta["accel_x"], -meta["accel_y"]])
        rates = [-meta["angular_velocity_x"], meta["angular_velocity_y"], -meta["angular_velocity_z"]]
        np.testing.assert_array_equal(frame["ego.angular_velocity"], rates)
        yaw = frame["ego_future.yaw"]
        if len(yaw) > 1:
            turned += np.sign(yaw[1]) == np.sign(frame["ego.angular_velocity"][2])
        names = {1: "LEFT", 2: "RIGHT", 3: "STRAIGHT", 4: "LANE_FOLLOW", 5: "CHANGE_LANE_LEFT", 6: "CHANGE_LANE_RIGHT"}
        assert Command(frame["navigation.command"]).name == names[frame["navigation.command_raw"]]
        passed = np.array(meta[f"previous_target_points_{frame['navigation.reach_m']}"]).reshape(-1, 3)
        np.testing.assert_array_equal(frame["navigation.passed_points"], passed * [1, -1, 1])
    assert turned > 10


def test_clouds_are_taken_up_by_half_of_their_sensors_height(routes: dict[Path, Scene]) -> None:
    for folder, frame, stem in every_frame(routes):
        information = unpickled(folder / f"metas/{stem}.pkl")["sensor_information"]
        heights = {"lidar.top": information["lidar_pos_1"][2]}
        heights |= {f"radar.radar{k}": spec["pos"][2] for k, spec in information["radar_calibration"].items()}
        for column, height in heights.items():
            native, cloud = frame.native_points(column), frame.points(column)
            assert native is not None and cloud is not None
            expected = native.metres() * [1, -1, 1] + [1.389, 0.0, height / 2]
            np.testing.assert_allclose(cloud.xyz, expected, atol=1e-9)


def test_what_typed_columns_hold_is_not_kept_again(routes: dict[Path, Scene]) -> None:
    """A sign that is wrong in one direction only would hide in `extra`: the lossless tests could not see it."""
    typed = {*SAME, *IDS, *FUTURE_KEYS, *PAST_KEYS, "route", "accel_x", "accel_y", "angular_velocity_z"}
    for scene in routes.values():
        for frame in scene:
            extra, rebuilt = frame.extra(), rebuild(frame)
            kept = {key for key in typed & set(extra) if not _is_expected(extra[key], rebuilt.get(key))}
            assert kept == set()


def _is_expected(patch: list[Any], rebuilt: Any) -> bool:
    """None and inf, which no typed column takes, and arrays that differ by the rounding of noise around zero."""
    value = patch[1]
    if isinstance(value, np.ndarray):
        return isinstance(rebuilt, np.ndarray) and bool(np.allclose(value, rebuilt, rtol=0.0, atol=1e-12))
    return value is None or (isinstance(value, float) and not np.isfinite(value))


def test_road_pixels_unprojected_with_the_rig_lie_on_the_recorded_terrain(
    cases: dict[str, Any], routes: dict[Path, Scene]
) -> None:
    """Depth, camera mounting, pitch and roll together: with one sign wrong the median error is 0.15 m or more."""
    by_name = {folder.name: scene for folder, scene in routes.items()}
    slopes = [route for route in cases["routes"] if route["terrain"]]
    for route in slopes:
        errors = [
            error
            for frame in by_name[Path(route["path"]).name]
            for error in _road_height_errors(frame, route["terrain"])
        ]
        assert np.median(np.abs(errors)) < 0.06
    if not slopes:
        pytest.skip("no recorded route has a terrain")


def _road_height_errors(frame: Frame, terrain: dict[str, Any]) -> list[float]:
    camera = next(c for c in frame.rig.cameras if abs(np.array(c.ego_from_camera)[0, 2] - 1.0) < 1e-6)
    x, y, width, height = camera.crops["depth.strip"]
    depth, semantic = frame.depth("depth.strip"), frame.codes("semantic.strip")
    pose = frame.world_from_ego
    assert depth is not None and semantic is not None and pose is not None
    ratio = camera.size[0] // width
    left, top, _, _ = camera.crops["semantic.strip"]
    rows, columns = np.mgrid[y : y + height, 0:width]
    metres = depth[rows, x + columns]
    middle = ratio // 2
    classes = semantic[top + rows * ratio + middle, left + columns * ratio + middle]
    (fx, fy), (cx, cy) = camera.parameters["focal"], camera.parameters["center"]
    rays = np.stack(
        [((columns + 0.5) * ratio - cx) / fx, ((rows + 0.5) * ratio - cy) / fy, np.ones_like(metres)], axis=-1
    )
    road = (classes == 2) & (metres > 3.0) & (metres < 25.0)
    in_ego = frames.transform_points(np.array(camera.ego_from_camera), (rays * metres[..., None])[road])
    world = frames.mirror(frames.transform_points(pose, in_ego), CARLA)
    return list(world[:, 2] - terrain_height(world[:, :2], terrain))
