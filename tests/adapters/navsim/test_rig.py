"""The calibration of a log is the scene's rig; rows differ only where the log does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lead_xb.adapters.navsim.logs import native_log
from lead_xb.adapters.navsim.sensors import LIDAR_COLUMN
from lead_xb.schemas.errors import DataError
from lead_xb.store.codec import same_bits

from .helpers import CAMERAS, IMAGE_SIZE, convert_log, edited, native_frames, write_log, write_sensors


def test_the_rig_is_that_of_the_log(root: Path, tmp_path: Path) -> None:
    rig = convert_log(root, tmp_path / "a.arrow").meta.rig
    camera = rig.camera("CAM_F0")
    assert [camera.name for camera in rig.cameras] == list(CAMERAS)
    assert (camera.width, camera.height, camera.model) == (*IMAGE_SIZE, "pinhole")
    assert dict(camera.parameters) == {
        "focal": (50.0, 51.0),
        "center": (32.0, 24.5),
        "distortion": (-0.3, 0.1, -0.002, 0.0004, -0.05),
    }
    assert camera.ego_from_camera[0] == (0.0, 0.0, 1.0, 2.0)
    assert dict(camera.crops) == {"image.cam_f0": (0, 0, *IMAGE_SIZE)}
    assert rig.payload("image.cam_f0").codec == "jpeg"
    assert rig.point_sensor(LIDAR_COLUMN).coordinates == "float32"
    assert rig.vehicle is not None
    assert rig.vehicle.center_x_m == 1.461


def test_a_row_has_its_own_rig_only_where_the_calibration_differs(tmp_path: Path) -> None:
    moved = np.array([2.0, 0.0, 1.75])
    frames = native_frames()
    entry = {**frames[2]["cams"]["CAM_B0"], "sensor2lidar_translation": moved}
    frames[2] = {**frames[2], "cams": {**frames[2]["cams"], "CAM_B0": entry}}
    root = tmp_path / "other"
    write_log(root, frames)
    write_sensors(root, frames)
    scene = convert_log(root, tmp_path / "a.arrow")
    assert [frame["frame.rig"] is None for frame in scene] == [True, True, False]
    assert [frame.rig.camera("CAM_B0").ego_from_camera[2][3] for frame in scene] == [1.5, 1.5, 1.75]
    assert same_bits(native_log(scene), frames)


def test_a_lidar_that_is_not_at_the_ego_origin_moves_points_and_cameras(tmp_path: Path) -> None:
    frames = [{**frame, "lidar2ego_translation": np.array([1.0, 0.0, 2.0])} for frame in native_frames()]
    root = tmp_path / "other"
    write_log(root, frames)
    write_sensors(root, frames)
    rig = convert_log(root, tmp_path / "a.arrow").meta.rig
    assert rig.point_sensor(LIDAR_COLUMN).ego_from_sensor[0][3] == 1.0
    assert [row[3] for row in rig.camera("CAM_F0").ego_from_camera] == [3.0, 0.0, 3.5, 1.0]


@pytest.mark.parametrize("rows", [(0, 1, 2), (1,)])
@pytest.mark.parametrize("key", ["sensor2lidar_rotation", "distortion"])
def test_a_camera_without_calibration_keeps_its_images_and_has_no_entry(
    key: str, rows: tuple[int, ...], tmp_path: Path
) -> None:
    frames = native_frames()
    for row in rows:
        frames[row]["cams"] = {**frames[row]["cams"], "CAM_F0": {**frames[row]["cams"]["CAM_F0"], key: None}}
    root = tmp_path / "other"
    write_log(root, frames)
    write_sensors(root, frames)
    scene = convert_log(root, tmp_path / "a.arrow")
    part = "" if len(rows) == 3 else " in 1 of 3 rows"
    assert scene.meta.lacks == (f"CAM_F0: no calibration{part}", "map")
    for row, frame in enumerate(scene):
        assert [camera.name for camera in frame.rig.cameras] == (["CAM_B0"] if row in rows else list(CAMERAS))
        assert frame.payload("image.cam_f0") is not None
    assert same_bits(native_log(scene), frames)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sensor2lidar_rotation", np.eye(3) * 2, "expected a rotation matrix"),
        ("sensor2lidar_rotation", np.diag([1.0, 1.0, -1.0]), "expected a rotation matrix"),
        ("cam_intrinsic", np.array([[50.0, 3.0, 32.0], [0.0, 51.0, 24.5], [0.0, 0.0, 1.0]]), "positive focal lengths"),
        ("distortion", np.zeros(4), r"expected numbers of shape \(5,\)"),
        ("sensor2lidar_translation", np.array([0.0, np.inf, 0.0]), "expected finite numbers"),
    ],
)
def test_a_bad_calibration_is_refused(key: str, value: np.ndarray, message: str, tmp_path: Path) -> None:
    root = tmp_path / "other"
    write_log(root, edited("cams", lambda cams: {**cams, "CAM_F0": {**cams["CAM_F0"], key: value}}))
    with pytest.raises(DataError, match=rf"frame 1 'cams' 'CAM_F0': '{key}' .*{message}"):
        convert_log(root, tmp_path / "a.arrow", sensors="present")
