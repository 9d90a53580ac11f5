"""An OPENSCENE_DATA_ROOT with one short log and its sensor files, which a test may damage as it likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import jpeg, native_frames, write_bytes, write_log, write_sensors
from .synthetic_helpers import FOLDER, native_synthetic, write_scene_pickle


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`root/navsim_logs/mini/<log>.pkl` of three frames and `root/sensor_blobs/mini/<log>/...`."""
    folder = tmp_path / "openscene"
    frames = native_frames()
    write_log(folder, frames)
    write_sensors(folder, frames)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A log, a synthetic scene of it, and the one image that the scene names."""
    root = tmp_path / "openscene"
    write_log(root, native_frames(), folder="test")
    content = native_synthetic()
    write_scene_pickle(root, content)
    for frame in content["frames"]:
        write_bytes(root / FOLDER / "sensor_blobs" / frame["camera_dict"]["cam_f0"]["data_path"], jpeg())
    return root
