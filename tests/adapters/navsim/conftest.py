"""An OPENSCENE_DATA_ROOT with one short log and its sensor files, which a test may damage as it likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import native_frames, write_log, write_sensors


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`root/navsim_logs/mini/<log>.pkl` of three frames and `root/sensor_blobs/mini/<log>/...`."""
    folder = tmp_path / "openscene"
    frames = native_frames()
    write_log(folder, frames)
    write_sensors(folder, frames)
    return folder
