"""Synthetic second-stage scenes: recorded rows with a planar ego, extended rows without one, nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.adapters.navsim.synthetic_scene import LIGHTS_KEY, TRACKS_KEY, native_scene, read_synthetic
from lead_xb.schemas.errors import DataError, UnsafePickleError
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.codec import same_bits
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.standins import standin_type
from lead_xb.store.unpickle import NUPLAN, loads

from .helpers import GOLDEN, LOG, jpeg, nuplan_bytes, pcd, write_bytes
from .synthetic_helpers import (
    FOLDER,
    NOW,
    PREVIOUS,
    native_synthetic,
    nuplan,
    synthetic_tasks,
    tracked,
    tracks,
    write_scene_pickle,
)


def converted(root: Path, out: Path, **options: Any) -> Scene:
    (task,) = synthetic_tasks(root, **options)
    task.write(out)
    return open_scene(out, roots=NavsimConfig(source=root).build().roots)


def test_a_scene_knows_its_original(source: Path, tmp_path: Path) -> None:
    meta = converted(source, tmp_path / "a.arrow").meta
    assert (meta.scene_id, meta.folder, meta.location) == (NOW, FOLDER, "us-ma-boston")
    assert (meta.initial_token, meta.original_token) == (NOW, "original")


def test_a_scene_names_its_log_its_first_stage_and_its_history(source: Path, tmp_path: Path) -> None:
    meta = converted(source, tmp_path / "a.arrow").meta
    assert (meta.log, meta.original_initial_token, meta.history_rows) == (LOG, "first stage", 2)


def test_only_the_current_frame_is_a_key_frame(source: Path, tmp_path: Path) -> None:
    assert [frame["frame.is_key"] for frame in converted(source, tmp_path / "a.arrow")] == [False, True, False, False]


def test_a_file_of_another_name_is_still_found_by_its_initial_token(source: Path, tmp_path: Path) -> None:
    path = source / FOLDER / "synthetic_scene_pickles" / f"{NOW}.pkl"
    path.rename(path.with_stem("another"))
    mapping = tmp_path / "pairs.yaml"
    mapping.write_text(f"reactive_all_mapping: [['now', 'previous', [['{NOW}', '{NOW}']]]]")
    scene = converted(source, tmp_path / "a.arrow", synthetic=mapping)
    assert (scene.meta.scene_id, scene.meta.initial_token, scene.frame(1).token) == ("another", NOW, NOW)
    (task,) = synthetic_tasks(source, synthetic=mapping)
    assert task.splits(scene) == [[], ["pairs"], [], []]


def test_cameras_are_called_as_in_logs(source: Path, tmp_path: Path) -> None:
    scene = converted(source, tmp_path / "a.arrow")
    assert [camera.name for camera in scene.meta.rig.cameras] == ["CAM_F0"]
    assert scene.frame(1).image("CAM_F0") is not None


def test_stored_frames_are_recorded_rows_with_a_planar_pose(source: Path, tmp_path: Path) -> None:
    frame = converted(source, tmp_path / "a.arrow").frame(1)
    half = np.sqrt(0.5)
    assert frame["frame.kind"] == "recorded"
    assert frame["ego.pose"] == pytest.approx([100.0, 201.0, 0.0, half, 0.0, 0.0, half])
    assert frame["ego.velocity"].tolist() == [3.0, 4.0]
    assert frame["ego.speed"] == 5.0
    assert frame["navigation.command_raw"] == 1
    assert frame.payload("image.cam_f0", verify=True) == jpeg()


def test_extended_steps_have_no_ego_and_follow_at_2_hz(source: Path, tmp_path: Path) -> None:
    scene = converted(source, tmp_path / "a.arrow")
    assert [frame["frame.kind"] for frame in scene] == ["recorded", "recorded", "extended", "extended"]
    last = scene.frame(1).timestamp_us
    assert [scene.frame(row).timestamp_us - last for row in (2, 3)] == [500_000, 1_000_000]
    assert scene.frame(2).world_from_ego is None


def test_extended_boxes_are_given_in_the_last_ego_frame(source: Path, tmp_path: Path) -> None:
    scene = converted(source, tmp_path / "a.arrow")
    boxes = scene.frame(2).boxes
    assert boxes is not None
    assert boxes.center == pytest.approx(np.array([[10.0, 0.0, 0.75]]))
    assert boxes.size.tolist() == [[4.0, 2.0, 1.5]]
    assert boxes.yaw == pytest.approx([np.pi / 2])
    assert boxes.column("velocity").value == pytest.approx(np.array([[5.0, 0.0]]))
    assert boxes.strings("native_class") == ["vehicle"]
    assert scene.frame(2)["boxes.pose"].tolist() == scene.frame(1)["ego.pose"].tolist()
    assert scene.frame(1)["boxes.pose"] is None
    none = scene.frame(3).boxes
    assert none is not None
    assert len(none) == 0


def test_extended_lights_keep_all_four_states(source: Path, tmp_path: Path) -> None:
    scene = converted(source, tmp_path / "a.arrow")
    states = [[light["state"] for light in scene.frame(row)["traffic_lights"].to_pylist()] for row in (2, 3)]
    assert states == [[LightState.GREEN, LightState.YELLOW], [LightState.RED, LightState.UNKNOWN]]


def test_static_objects_have_no_velocity(source: Path, tmp_path: Path) -> None:
    content = native_synthetic()
    content[TRACKS_KEY][1] = tracks(tracked(x=0.0, y=0.0, heading=0.0, kind=5, moving=False))
    write_scene_pickle(source, content)
    boxes = converted(source, tmp_path / "a.arrow").frame(3).boxes
    assert boxes is not None
    assert boxes.strings("native_class") == ["czone_sign"]
    assert boxes.column("velocity").valid.tolist() == [False]


def test_only_the_current_frame_has_its_native_token(source: Path, tmp_path: Path) -> None:
    pair = native_synthetic(PREVIOUS)
    write_scene_pickle(source, pair, PREVIOUS)
    found: list[str] = []
    for task in synthetic_tasks(source):
        task.write(tmp_path / f"{task.id}.arrow")
        found += [frame.token for frame in open_scene(tmp_path / f"{task.id}.arrow")]
    assert {NOW, PREVIOUS} < set(found)
    assert len(set(found)) == len(found) == 8


UNUSUAL: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "as it is": lambda scene: scene,
    "without extended steps": lambda scene: {**scene, LIGHTS_KEY: None, TRACKS_KEY: None},
    "without extended keys": lambda scene: {key: scene[key] for key in ("scene_metadata", "frames")},
    "fewer lights than tracks": lambda scene: {**scene, LIGHTS_KEY: scene[LIGHTS_KEY][:1]},
    "with a key of its own": lambda scene: {"version": (2, 2), **scene},
    "with paths as objects": lambda scene: {
        **scene,
        "frames": [{**frame, "lidar_path": nuplan("PosixPath", "log", "a.pcd")} for frame in scene["frames"]],
    },
    "with cameras in upper case": lambda scene: {
        **scene,
        "frames": [
            {**frame, "camera_dict": {name.upper(): entry for name, entry in frame["camera_dict"].items()}}
            for frame in scene["frames"]
        ],
    },
    "without cameras": lambda scene: {
        **scene,
        "frames": [{**frame, "camera_dict": {"cam_f0": {}, "cam_b0": {}}} for frame in scene["frames"]],
    },
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_every_part_comes_back_bit_for_bit(name: str, source: Path, tmp_path: Path) -> None:
    content = UNUSUAL[name](native_synthetic())
    path = write_scene_pickle(source, content)
    native = loads(path.read_bytes(), path=str(path), allow=NUPLAN)
    assert same_bits(native_scene(converted(source, tmp_path / "a.arrow")), native)


def test_a_kept_cloud_does_not_get_into_the_frames(source: Path, tmp_path: Path) -> None:
    content = UNUSUAL["with paths as objects"](native_synthetic())
    path = write_scene_pickle(source, content)
    write_bytes(source / FOLDER / "sensor_blobs" / "log" / "a.pcd", pcd(np.zeros(3, [(a, "<f4") for a in "xyz"])))
    scene = converted(source, tmp_path / "a.arrow", lidar="keep")
    assert scene.frame(0)["lidar.merged"]["count"] == 3
    assert same_bits(native_scene(scene), loads(path.read_bytes(), path=str(path), allow=NUPLAN))


def test_recorded_scenes_come_back_bit_for_bit(tmp_path: Path) -> None:
    for task in synthetic_tasks(GOLDEN):
        task.write(tmp_path / "a.arrow")
        native = loads(task.path.read_bytes(), path=str(task.path), allow=NUPLAN)
        assert same_bits(native_scene(open_scene(tmp_path / "a.arrow")), native)


def test_a_missing_image_of_a_scene_is_an_error(source: Path, tmp_path: Path) -> None:
    shutil.rmtree(source / FOLDER / "sensor_blobs")
    with pytest.raises(DataError, match=r"the file of CAM_F0 in frame 0 of 1+\.pkl is missing"):
        converted(source, tmp_path / "a.arrow", sensors="required")


def test_frames_after_the_current_one_need_no_image(source: Path, tmp_path: Path) -> None:
    content = set_metadata(num_history_frames=1, initial_token="shared by the pair")(native_synthetic())
    write_scene_pickle(source, content)
    (source / FOLDER / "sensor_blobs" / content["frames"][1]["camera_dict"]["cam_f0"]["data_path"]).unlink()
    scene = converted(source, tmp_path / "a.arrow", sensors="required")
    assert [frame.has("image.cam_f0") for frame in scene][:2] == [True, False]


def test_clouds_that_a_folder_does_not_ship_are_not_required(source: Path, tmp_path: Path) -> None:
    content = UNUSUAL["with paths as objects"](native_synthetic())
    path = write_scene_pickle(source, content)
    scene = converted(source, tmp_path / "a.arrow", sensors="required")
    assert scene.meta.lacks == (f"lidar: not shipped with {FOLDER}", "map")
    assert scene.meta.rig.points == ()
    assert same_bits(native_scene(scene), loads(path.read_bytes(), path=str(path), allow=NUPLAN))
    write_bytes(source / FOLDER / "sensor_blobs" / "log" / "another.pcd", b"")
    with pytest.raises(DataError, match="the file of lidar in frame 0"):
        converted(source, tmp_path / "a.arrow", sensors="required")


def test_the_sensor_files_of_a_scene_may_lie_in_its_second_folder(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source / FOLDER, source / "a_two_stage")
    shutil.rmtree(source / "a_two_stage" / "sensor_blobs")
    scene = converted(source, tmp_path / "a.arrow", sensors="required")
    assert scene.meta.folder == FOLDER
    assert scene.frame(1).payload("image.cam_f0", verify=True) == jpeg()


def set_frame(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda scene: {**scene, "frames": [scene["frames"][0], {**scene["frames"][1], **changes}]}


def set_status(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda scene: set_frame(ego_status={**scene["frames"][1]["ego_status"], **changes})(scene)


def set_metadata(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda scene: {**scene, "scene_metadata": {**scene["scene_metadata"], **changes}}


def set_tracks(value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda scene: {**scene, TRACKS_KEY: [value]}


BAD_SCENES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a list": (lambda scene: [scene], "holds a list of 1, expected a synthetic scene"),
    "no metadata": (lambda scene: {**scene, "scene_metadata": None}, "'scene_metadata' is None"),
    "no frames": (lambda scene: {**scene, "frames": []}, "'num_history_frames' is 2 .* at most the 0 stored frames"),
    "another initial token": (
        set_metadata(initial_token="3" * 17),
        "'token' is '1+' .* expected the initial token '3+'",
    ),
    "no log": (set_metadata(log_name=None), "'log_name' is None .* expected text"),
    "local poses": (set_status(in_global_frame=False), "'in_global_frame' is False .* poses of synthetic scenes"),
    "pose with NaN": (set_status(ego_pose=np.array([0.0, 0.0, np.nan])), "frame 1 'ego_status': 'ego_pose' .* finite"),
    "wrong velocity": (set_status(ego_velocity=np.zeros(3)), "'ego_velocity' .* expected numbers of shape"),
    "no annotations": (set_frame(annotations=None), "'annotations' is None .* expected a dictionary"),
    "tracks that are none": (set_tracks("x"), r"extended step 0: 'x' \(str\) where a nuPlan object with 'tracked_"),
    "objects that are none": (
        set_tracks(nuplan("DetectionsTracks", tracked_objects=nuplan("TrackedObjects", tracked_objects=[7]))),
        "extended step 0: a list of 1, expected a list of nuPlan objects",
    ),
    "an unknown kind": (set_tracks(tracks(tracked(x=0.0, y=0.0, heading=0.0, kind=8))), "enum member 0 to 7"),
    "a box with NaN": (set_tracks(tracks(tracked(x=np.nan, y=0.0, heading=0.0))), "a box holds NaN or inf"),
}


@pytest.mark.parametrize("name", BAD_SCENES)
def test_a_bad_scene_is_refused_with_file_and_place(name: str, source: Path, tmp_path: Path) -> None:
    change, message = BAD_SCENES[name]
    write_scene_pickle(source, change(native_synthetic()))
    with pytest.raises(DataError, match=rf"{NOW}\.pkl.*{message}"):
        converted(source, tmp_path / "a.arrow")


def test_other_classes_than_those_of_nuplan_are_refused(source: Path) -> None:
    content = set_frame(token=standin_type("collections.Counter")("x"))(native_synthetic())
    path = write_scene_pickle(source, native_synthetic())
    path.write_bytes(nuplan_bytes(content))
    with pytest.raises(UnsafePickleError, match=r"it asks for 'collections\.Counter'"):
        read_synthetic(path)


def test_a_cut_scene_is_refused(source: Path, tmp_path: Path) -> None:
    path = write_scene_pickle(source, native_synthetic())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="get it again from its publisher"):
        converted(source, tmp_path / "a.arrow")
