"""Every option of LEAD's format converts; damaged routes are refused with file and advice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lead_xb.adapters.carla.rows import native_frame
from lead_xb.schemas.errors import DataError, LeadXbError, SchemaError
from lead_xb.store.codec import same_bits
from lead_xb.store.points import cloud_in_ego

from .helpers import convert_only_route, drop_key, edit_pickle, set_key

pytestmark = pytest.mark.filterwarnings("ignore:numpy.core.numeric is deprecated")


def test_a_route_without_radar_says_what_it_lacks(route: Path, root: Path, tmp_path: Path) -> None:
    shutil.rmtree(route / "radar")
    shutil.rmtree(route / "radar_perturbated")
    scene = convert_only_route(root, tmp_path / "a.arrow")
    assert scene.meta.lacks == ("radar/ was not recorded",)
    assert not any("radar" in column for column in scene.frame(0).columns())


def test_a_route_without_the_perturbed_rig_has_no_view(route: Path, root: Path, tmp_path: Path) -> None:
    for folder in route.glob("*_perturbated"):
        shutil.rmtree(folder)
    scene = convert_only_route(root, tmp_path / "a.arrow")
    assert scene.meta.rig.views == ()
    assert not any(column.startswith("view.") for column in scene.frame(0).columns())


def test_depth_of_16_bits_is_told_by_its_file(route: Path, root: Path, tmp_path: Path) -> None:
    codes = np.full((96, 288), 32768, np.uint16)
    for path in [*(route / "depth").iterdir(), *(route / "depth_perturbated").iterdir()]:
        cv2.imwrite(str(path), codes)
    depth = convert_only_route(root, tmp_path / "a.arrow").frame(0).depth("depth.strip")
    assert depth is not None
    np.testing.assert_allclose(depth, 32768 / 65535 * 96.0, rtol=1e-6)


def test_raw_semantics_carry_carla_tags(route: Path, root: Path, tmp_path: Path) -> None:
    def ungroup(meta: dict[str, Any]) -> dict[str, Any]:
        return {**meta, "dataset_information": {**meta["dataset_information"], "save_grouped_semantic": False}}

    for path in (route / "metas").iterdir():
        edit_pickle(path, ungroup)
    rig = convert_only_route(root, tmp_path / "a.arrow").meta.rig
    assert rig.payload("semantic.strip").coding == "carla_tag"
    assert rig.payload("semantic.strip").classes == {}


def test_six_cameras_lie_side_by_side_in_the_strip(route: Path, root: Path, tmp_path: Path) -> None:
    def six(meta: dict[str, Any]) -> dict[str, Any]:
        information = dict(meta["sensor_information"])
        cameras = dict(information["camera_calibration"])
        for number in (4, 5, 6):
            cameras[number] = {**cameras[2], "rot": [0.0, 0.0, 180.0], "pos": [-0.55, 0.0, 2.25]}
        return {**meta, "sensor_information": {**information, "camera_calibration": cameras}}

    for path in (route / "metas").iterdir():
        edit_pickle(path, six)
    wide = np.zeros((384, 2304, 3), np.uint8)
    wide[:, 4 * 384 : 5 * 384] = 200
    images = {"rgb": wide, "semantics": wide[..., 0], "depth": np.zeros((96, 576), np.uint8)}
    for name, image in images.items():
        for path in [*(route / name).iterdir(), *(route / f"{name}_perturbated").iterdir()]:
            cv2.imwrite(str(path), image)
    scene = convert_only_route(root, tmp_path / "a.arrow")
    assert [camera.name for camera in scene.meta.rig.cameras] == [f"camera_{n}" for n in range(1, 7)]
    rear = scene.frame(0).image("camera_5")
    assert rear is not None and rear.shape == (384, 384, 3) and rear.mean() > 195
    np.testing.assert_allclose(
        np.array(scene.meta.rig.camera("camera_5").ego_from_camera)[:3, 2], [-1, 0, 0], atol=1e-12
    )


def test_a_rig_that_changes_within_a_route_is_kept_with_its_row(route: Path, root: Path, tmp_path: Path) -> None:
    edit_pickle(route / "metas/0002.pkl", set_key("perturbation_translation", -0.25))
    scene = convert_only_route(root, tmp_path / "a.arrow")
    first, last = (scene.frame(row).rig.view("perturbed").view_from_ego for row in (0, 2))
    assert scene.frame(1)["frame.rig"] is None and first != last


def test_debug_folders_are_converted_and_strangers_are_named(route: Path, root: Path, tmp_path: Path) -> None:
    cloud = np.arange(10, dtype=np.float32).reshape(2, 5)
    for name in ("camera_pc", "3rd_person", "instance", "notes"):
        (route / name).mkdir()
    for number in range(3):
        np.savez_compressed(route / f"camera_pc/{number:04}.npz", cloud)
        cv2.imwrite(str(route / f"3rd_person/{number:04}.jpg"), np.zeros((8, 8, 3), np.uint8))
        cv2.imwrite(str(route / f"instance/{number:04}.png"), np.zeros((8, 8, 3), np.uint8))
    (route / "notes/readme.txt").write_text("mine")
    scene = convert_only_route(root, tmp_path / "a.arrow")
    native = scene.frame(1).native_points("lidar.camera_pc")
    assert native is not None
    np.testing.assert_array_equal(native.coordinates, cloud[:, :3])
    np.testing.assert_array_equal(native.attributes["instance"], cloud[:, 4])
    assert scene.frame(1).payload("image.third_person") == (route / "3rd_person/0001.jpg").read_bytes()
    assert scene.frame(1).payload("semantic.instance") == (route / "instance/0001.png").read_bytes()
    assert scene.meta.lacks == ("notes is not part of LEAD's format and was not converted",)


def test_values_that_no_column_takes_survive(route: Path, root: Path, tmp_path: Path) -> None:
    odd = {"speed": np.float32(3.5), "vehicle_door_side": ["left"], "target_speed": float("inf"), "mine": {"a": (1,)}}
    edit_pickle(route / "metas/0001.pkl", lambda meta: {**meta, **odd})
    edit_pickle(route / "bboxes/0001.pkl", lambda boxes: [{**boxes[0], "brake": float("nan"), "new": 1}, *boxes[1:]])
    frame = convert_only_route(root, tmp_path / "a.arrow").frame(1)
    meta, boxes = native_frame(frame)
    assert all(same_bits(meta[key], value) for key, value in odd.items())
    assert np.isnan(boxes[0]["brake"]) and boxes[0]["new"] == 1
    assert frame["ego.speed"] == 3.5 and frame["expert.target_speed"] is None


def test_referenced_images_are_read_from_the_users_files(route: Path, root: Path, tmp_path: Path) -> None:
    scene = convert_only_route(root, tmp_path / "a.arrow", images="reference")
    frame = scene.frame(1)
    assert frame["image.strip"]["bytes"] is None
    assert frame.payload("image.strip", verify=True) == (route / "rgb/0001.jpg").read_bytes()
    (route / "rgb/0001.jpg").write_bytes((route / "rgb/0001.jpg").read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="its SHA-256 differs"):
        frame.payload("image.strip", verify=True)
    (route / "rgb/0001.jpg").unlink()
    with pytest.raises(DataError, match=r"give the folder that holds it as roots.source=PATH"):
        frame.payload("image.strip")


Damage = Callable[[Path], object]


def in_meta(number: int, change: Callable[[Any], Any]) -> Damage:
    """Damage of one meta."""
    return lambda route: edit_pickle(route / f"metas/{number:04}.pkl", change)


def cut(name: str) -> Damage:
    """Half of a file is lost."""
    return lambda route: (route / name).write_bytes((route / name).read_bytes()[: (route / name).stat().st_size // 2])


DAMAGE: dict[str, tuple[Damage, str]] = {
    "missing image": (lambda r: (r / "rgb/0001.jpg").unlink(), r"rgb/0001.jpg: is missing"),
    "empty image": (lambda r: (r / "depth/0000.png").write_bytes(b""), r"0000.png.*not a PNG of 8 or 16 bits"),
    "small strip": (
        lambda r: cv2.imwrite(str(r / "rgb/0001.jpg"), np.zeros((384, 384, 3), np.uint8)),
        r"rgb/0001.jpg: is 384x384 px, its rig needs 1152x384",
    ),
    "small raster": (
        lambda r: cv2.imwrite(str(r / "hdmap/0001.png"), np.zeros((128, 128), np.uint8)),
        r"hdmap/0001.png: is 128x128 px, its rig needs 256x256",
    ),
    "truncated LAZ": (cut("lidar/0000.laz"), r"0000.laz: not a readable LAZ"),
    "truncated radar": (cut("radar/0000.npz"), r"0000.npz: not a readable npz"),
    "truncated meta": (cut("metas/0001.pkl"), r"metas/0001.pkl"),
    "unfinished route": (lambda r: shutil.rmtree(r / "metas"), "the recording was stopped before LEAD wrote them"),
    "unsaved boxes": (lambda r: (r / "bboxes/0002.pkl").unlink(), r"bboxes/0002.pkl: is missing"),
    "a gap": (lambda r: list(map(Path.unlink, r.rglob("0001.*"))), "frames are not contiguous"),
    "meta without image": (lambda r: (r / "metas/0002.pkl").unlink(), r"0002.pkl: has no meta"),
    "results": (lambda r: (r / "results.json").write_text("{"), "results.json: not JSON"),
    "no dictionary": (in_meta(0, lambda _: [1]), "holds a list, expected a dictionary"),
    "NaN pose": (in_meta(0, set_key("ego_matrix", np.full((4, 4), np.nan))), "'ego_matrix' is .* expected finite"),
    "no rotation": (in_meta(0, set_key("ego_matrix", np.zeros((4, 4)))), "'ego_matrix' is not a rigid transform"),
    "no IMU": (in_meta(1, drop_key("accel_x")), "'accel_x' is None, expected finite"),
    "unknown list": (in_meta(1, set_key("scenario_obstacles_ids", None)), "holds a value that LEAD does not write"),
    "another rate": (
        in_meta(0, lambda m: {**m, "dataset_information": {**m["dataset_information"], "data_save_freq": 10}}),
        "'data_save_freq' is 10, expected 5 ticks",
    ),
    "no ratio": (
        in_meta(
            0, lambda m: {**m, "dataset_information": {**m["dataset_information"], "save_depth_resolution_ratio": 0}}
        ),
        "'save_depth_resolution_ratio' is 0, expected 1 or more",
    ),
    "no radar calibration": (
        in_meta(0, lambda m: {**m, "sensor_information": drop_key("radar_calibration")(m["sensor_information"])}),
        "its calibration is not LEAD's",
    ),
    "old log": (in_meta(0, drop_key("sensor_information")), "is this an older LEAD log"),
    "boxes": (
        lambda r: edit_pickle(r / "bboxes/0000.pkl", lambda boxes: [drop_key("extent")(boxes[0])]),
        "box 0: 'extent' is None",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_route_is_refused_and_leaves_no_file(
    route: Path, root: Path, tmp_path: Path, damage: Damage, message: str
) -> None:
    damage(route)
    with pytest.raises(DataError, match=message):
        convert_only_route(root, tmp_path / "out" / "a.arrow")
    assert not (tmp_path / "out" / "a.arrow").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": "resize"}, "images=resize; dataset=carla takes keep or reference"),
        ({"reach_m": 3.3}, r"reach_m=3.3; LEAD records 3.0, 3.25"),
    ],
)
def test_options_that_do_not_exist_are_refused(
    root: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(LeadXbError, match=message):
        convert_only_route(root, tmp_path / "a.arrow", **options)


def test_radar_of_the_perturbed_rig_is_taken_back_to_the_ego_frame(root: Path, tmp_path: Path) -> None:
    frame = convert_only_route(root, tmp_path / "a.arrow").frame(0)
    view_from_ego = np.array(frame.rig.view("perturbed").view_from_ego)
    for number in range(1, 5):
        column = f"radar.radar{number}"
        native, cloud = frame.native_points(f"view.perturbed.{column}"), frame.points(f"view.perturbed.{column}")
        assert native is not None and cloud is not None
        in_view = cloud_in_ego(native, frame.rig.point_sensor(column)).xyz
        back = cloud.xyz @ view_from_ego[:3, :3].T + view_from_ego[:3, 3]
        np.testing.assert_allclose(back, in_view, atol=1e-9)


def test_the_debug_cloud_of_the_perturbed_rig_is_named_as_not_converted(
    route: Path, root: Path, tmp_path: Path
) -> None:
    (route / "camera_pc_perturbated").mkdir()
    np.savez_compressed(route / "camera_pc_perturbated/0000.npz", np.zeros((1, 5), np.float32))
    scene = convert_only_route(root, tmp_path / "a.arrow")
    assert scene.meta.lacks == ("camera_pc_perturbated is not part of LEAD's format and was not converted",)


def test_futures_are_gapless_up_to_the_end_of_the_route(root: Path, tmp_path: Path) -> None:
    boxes = convert_only_route(root, tmp_path / "a.arrow").frame(0).boxes
    assert boxes is not None
    gapless = boxes.column("future_is_gapless")
    assert gapless.valid.any() and gapless.value[gapless.valid].all()


def test_columns_of_another_kind_are_refused_with_those_of_the_rig(root: Path, tmp_path: Path) -> None:
    frame = convert_only_route(root, tmp_path / "a.arrow").frame(0)
    with pytest.raises(SchemaError, match=r"'lidar.top' is no column of image"):
        frame.codes("lidar.top")
    with pytest.raises(SchemaError, match=r"'ego.pose' is no column of lidar"):
        frame.points("ego.pose")


def test_the_outcome_of_the_route_is_known_without_opening_frames(root: Path, tmp_path: Path) -> None:
    meta = convert_only_route(root, tmp_path / "a.arrow").meta
    assert (meta.route_status, meta.route_score) == ("Perfect", 100.0)


def test_another_reach_becomes_the_target_points(root: Path, tmp_path: Path) -> None:
    frame = convert_only_route(root, tmp_path / "a.arrow", reach_m=10.0).frame(0)
    meta, _ = native_frame(frame)
    np.testing.assert_array_equal(
        frame["navigation.target_points"] * [1, -1, 1], np.array(meta["next_target_points_10.0"])
    )
