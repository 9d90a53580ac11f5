"""Sensor files are referenced, embedded or resized; missing and damaged ones are told apart."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from lead_xb.adapters.navsim.logs import native_log
from lead_xb.adapters.navsim.payloads import native_cloud
from lead_xb.adapters.navsim.sensors import LIDAR_COLUMN
from lead_xb.schemas.errors import DataError
from lead_xb.store.codec import same_bits
from lead_xb.store.images import decode_rgb

from .helpers import (
    LIDAR_TYPE,
    LOG,
    convert_log,
    edited,
    jpeg,
    native_frames,
    pcd,
    token,
    write_bytes,
    write_log,
)


def image_path(root: Path, index: int, camera: str = "CAM_F0") -> Path:
    return root / "sensor_blobs" / "mini" / LOG / camera / f"{token(index)}.jpg"


def cloud_path(root: Path, index: int) -> Path:
    return root / "sensor_blobs" / "mini" / LOG / "MergedPointCloud" / f"{token(index)}.pcd"


def test_images_are_referenced_below_the_sensor_root_with_their_hash(root: Path, tmp_path: Path) -> None:
    frame = convert_log(root, tmp_path / "a.arrow").frame(2)
    data = image_path(root, 2).read_bytes()
    assert frame["image.cam_f0"]["bytes"] is None
    assert frame["image.cam_f0"]["reference"] == {
        "root_id": "sensor_blobs",
        "relative_path": f"mini/{LOG}/CAM_F0/{token(2)}.jpg",
        "offset": 0,
        "length": len(data),
        "sha256": hashlib.sha256(data).digest(),
    }
    assert frame.payload("image.cam_f0", verify=True) == data


def test_references_need_not_be_hashed(root: Path, tmp_path: Path) -> None:
    frame = convert_log(root, tmp_path / "a.arrow", hash_references=False).frame(0)
    reference = frame["image.cam_b0"]["reference"]
    assert reference["sha256"] is None
    assert reference["length"] == image_path(root, 0, "CAM_B0").stat().st_size
    assert frame[LIDAR_COLUMN]["reference"]["length"] == cloud_path(root, 0).stat().st_size


def test_a_referenced_cloud_is_read_from_the_users_file(root: Path, tmp_path: Path) -> None:
    frame = convert_log(root, tmp_path / "a.arrow").frame(0)
    kept = convert_log(root, tmp_path / "b.arrow", images="keep").frame(0)
    assert frame[LIDAR_COLUMN]["count"] is None
    referenced, embedded = frame.native_points(LIDAR_COLUMN), kept.native_points(LIDAR_COLUMN)
    assert referenced is not None and embedded is not None
    assert same_bits(referenced.coordinates, embedded.coordinates)
    assert same_bits(dict(referenced.attributes), dict(embedded.attributes))
    cloud_path(root, 0).unlink()
    with pytest.raises(DataError, match=r"the referenced file cannot be read .*roots.sensor_blobs=PATH"):
        frame.native_points(LIDAR_COLUMN)


def test_kept_images_and_clouds_are_the_files_byte_for_byte(root: Path, tmp_path: Path) -> None:
    scene = convert_log(root, tmp_path / "a.arrow", images="keep")
    for index, frame in enumerate(scene):
        assert frame.payload("image.cam_f0") == image_path(root, index).read_bytes()
        assert native_cloud(frame) == cloud_path(root, index).read_bytes()
    assert same_bits(native_log(scene), native_frames())


def test_points_arrive_in_the_ego_frame_with_their_attributes(root: Path, tmp_path: Path) -> None:
    cloud = convert_log(root, tmp_path / "a.arrow", lidar="keep").frame(1).points(LIDAR_COLUMN)
    data = cloud_path(root, 1).read_bytes()
    native = np.frombuffer(data[-6 * LIDAR_TYPE.itemsize :], LIDAR_TYPE)
    assert cloud is not None
    assert cloud.xyz.tolist() == [[x, y, z] for x, y, z, *_ in native.tolist()]
    assert {name: values.tolist() for name, values in cloud.attributes.items()} == {
        name: native[name].tolist() for name in ("intensity", "ring", "lidar_id")
    }
    assert cloud.attributes["ring"].dtype == np.uint8


def test_resized_images_have_the_size_and_the_camera_that_fits(root: Path, tmp_path: Path) -> None:
    scene = convert_log(root, tmp_path / "a.arrow", images="resize", image_size=(16, 24), image_quality=100)
    camera = scene.meta.rig.camera("CAM_F0")
    image = scene.frame(0).image("CAM_F0")
    assert image is not None
    assert image.shape == (24, 16, 3)
    assert (camera.width, camera.height) == (16, 24)
    assert camera.parameters["focal"] == (50.0 / 4, 51.0 / 2)
    assert camera.parameters["center"] == ((32.0 + 0.5) / 4 - 0.5, (24.5 + 0.5) / 2 - 0.5)
    original = decode_rgb(image_path(root, 0).read_bytes(), "image")
    expected = cv2.resize(original, (16, 24)).astype(int)
    assert np.abs(image.astype(int) - expected).max() <= 4
    assert same_bits(native_log(scene), native_frames())


def test_a_missing_image_is_an_error_that_names_it(root: Path, tmp_path: Path) -> None:
    image_path(root, 1).unlink()
    with pytest.raises(DataError, match=rf"{token(1)}.jpg: the file of CAM_F0 in frame 1 .* sensors=present"):
        convert_log(root, tmp_path / "a.arrow")


def test_a_missing_cloud_is_an_error_that_names_it(root: Path, tmp_path: Path) -> None:
    cloud_path(root, 2).unlink()
    with pytest.raises(DataError, match=rf"{token(2)}.pcd: the file of lidar in frame 2"):
        convert_log(root, tmp_path / "a.arrow")


def test_with_present_a_missing_file_is_null_and_counted(root: Path, tmp_path: Path) -> None:
    image_path(root, 0).unlink()
    image_path(root, 1).unlink()
    cloud_path(root, 2).unlink()
    scene = convert_log(root, tmp_path / "a.arrow", sensors="present")
    assert scene.meta.lacks == ("CAM_F0: 2 of 3 files missing", "lidar: 1 of 3 files missing", "map")
    assert [frame.has("image.cam_f0") for frame in scene] == [False, False, True]
    assert [frame.has("image.cam_b0") for frame in scene] == [True, True, True]
    assert same_bits(native_log(scene), native_frames())


def test_with_none_neither_calibration_nor_sensor_columns_exist(root: Path, tmp_path: Path) -> None:
    (maps := tmp_path / "maps").mkdir()
    (maps / "nuplan-maps-v1.0.json").write_text('{"us-ma-boston": {"version": "1.0"}}')
    write_bytes(maps / "us-ma-boston" / "1.0" / "map.gpkg", b"not read here")
    frames = edited("cams", lambda _: {"CAM_F0": {"cam_intrinsic": "none of these is read"}, 7: None})
    frames[2]["lidar2ego_rotation"] = None
    write_log(root, frames)
    scene = convert_log(root, tmp_path / "a.arrow", sensors="none", maps=maps)
    assert scene.meta.lacks == ("sensors",)
    assert scene.meta.map_id == "navsim-us-ma-boston-1.0"
    assert scene.meta.rig.columns() == ()
    assert scene.meta.rig.cameras == ()
    assert same_bits(native_log(scene), frames)


def test_a_sensor_without_any_file_has_a_calibration_and_no_column(root: Path, tmp_path: Path) -> None:
    for path in [*(image_path(root, index, "CAM_B0") for index in range(3)), *(cloud_path(root, i) for i in range(3))]:
        path.unlink()
    scene = convert_log(root, tmp_path / "a.arrow", sensors="present")
    assert scene.meta.lacks == ("CAM_B0: 3 of 3 files missing", "lidar: 3 of 3 files missing", "map")
    assert scene.meta.rig.columns() == ("image.cam_f0",)
    camera = scene.meta.rig.camera("CAM_B0")
    assert (dict(camera.crops), camera.width, camera.height) == ({}, None, None)
    assert camera.parameters["focal"] == (50.0, 51.0)
    assert native_cloud(scene.frame(0)) is None
    assert same_bits(native_log(scene), native_frames())


def test_a_file_that_is_no_image_is_refused(root: Path, tmp_path: Path) -> None:
    image_path(root, 2).write_bytes(b"<html>404</html>")
    with pytest.raises(DataError, match=r"jpg: begins with b'<html>40', expected a JPEG or PNG"):
        convert_log(root, tmp_path / "a.arrow")


@pytest.mark.parametrize("length", [2, 3, 30, 160])
def test_an_image_that_ends_in_its_header_is_refused(length: int, root: Path, tmp_path: Path) -> None:
    image_path(root, 0).write_bytes(jpeg()[:length])
    with pytest.raises(DataError, match="jpg: the image is cut off"):
        convert_log(root, tmp_path / "a.arrow")


def test_an_image_of_another_size_is_refused(root: Path, tmp_path: Path) -> None:
    image_path(root, 1).write_bytes(jpeg((48, 64)))
    with pytest.raises(DataError, match="is a jpeg of 48x64, but earlier images of CAM_F0 are jpeg of 64x48"):
        convert_log(root, tmp_path / "a.arrow")


def test_a_cut_cloud_is_refused_also_where_it_is_only_referenced(root: Path, tmp_path: Path) -> None:
    path = cloud_path(root, 1)
    path.write_bytes(path.read_bytes()[:-1])
    for hashed in (True, False):
        with pytest.raises(DataError, match=r"pcd: has \d+ bytes, expected \d+ for 6 points of 15 bytes"):
            convert_log(root, tmp_path / "a.arrow", hash_references=hashed)


def test_a_cloud_with_other_fields_than_the_first_is_refused(root: Path, tmp_path: Path) -> None:
    cloud_path(root, 1).write_bytes(pcd(np.zeros(2, [(axis, "<f4") for axis in "xyz"])))
    with pytest.raises(DataError, match=r"has the fields \{\}, unlike earlier clouds"):
        convert_log(root, tmp_path / "a.arrow", images="keep")


def test_a_path_that_no_file_system_takes_is_refused(tmp_path: Path) -> None:
    root, path = tmp_path / "other", "x" * 300
    (root / "sensor_blobs" / "mini").mkdir(parents=True)
    write_log(root, edited("cams", lambda cams: {**cams, "CAM_F0": {**cams["CAM_F0"], "data_path": path}}))
    with pytest.raises(DataError, match=r"cannot be looked for \(File name too long\)"):
        convert_log(root, tmp_path / "a.arrow", sensors="present")


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "", 7, "a\0b", "\udc80"])
def test_a_path_that_leaves_the_sensor_root_is_refused(path: object, tmp_path: Path) -> None:
    root = tmp_path / "other"
    write_log(root, edited("cams", lambda cams: {**cams, "CAM_F0": {**cams["CAM_F0"], "data_path": path}}))
    with pytest.raises(DataError, match=r"'CAM_F0': 'data_path' is .* expected a path below the sensor root"):
        convert_log(root, tmp_path / "a.arrow", sensors="present")
