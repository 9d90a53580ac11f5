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
from lead_xb.adapters.carla.rows import native_frame, native_results
from lead_xb.store import frames
from lead_xb.store.codec import same_bits
from lead_xb.store.frame import Frame
from lead_xb.store.frames import CARLA
from lead_xb.store.scene import Scene, open_scene

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
    ratio = camera.width // width
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
    return list(world[:, 2] - _terrain_height(world[:, :2], terrain))


def _terrain_height(xy: np.ndarray, t: dict[str, Any]) -> np.ndarray:
    """The drawn terrain in CARLA's world, as the recording's README defines it."""
    c, (cx, cy) = t["curvature_per_m"], t["circle_centre_xy_m"]
    g = np.sign(c)
    theta = np.arctan2(g * (xy[:, 0] - cx), -g * (xy[:, 1] - cy))
    s = np.angle(np.exp(1j * (theta - np.deg2rad(t["start_yaw_deg"])))) / c
    lateral = 1 / c - g * np.hypot(xy[:, 0] - cx, xy[:, 1] - cy)
    phase = t["hill_phase_rad"]
    hill = t["hill_amplitude_m"] * (np.sin(t["hill_wave_number_per_m"] * s + phase) - np.sin(phase))
    clip = t["bank_lateral_clip_m"]
    bank = t["bank_slope"] * (1 + t["bank_variation"] * np.sin(t["bank_wave_number_per_m"] * s))
    return np.asarray(hill + np.clip(lateral, -clip, clip) * bank)
