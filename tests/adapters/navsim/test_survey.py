"""With a filter only what an agent sees must be there; the rest is taken where it exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.schemas.errors import DataError
from lead_xb.store.scene import Scene, open_scene

from .helpers import LOG, native_frames, token, write_log, write_sensors

ROWS = 7


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Seven frames with all sensor files."""
    root = tmp_path / "openscene"
    write_log(root, native_frames(ROWS))
    write_sensors(root, native_frames(ROWS))
    return root


def unlink(root: Path, row: int) -> None:
    (root / "sensor_blobs" / "mini" / LOG / "CAM_F0" / f"{token(row)}.jpg").unlink()
    (root / "sensor_blobs" / "mini" / LOG / "MergedPointCloud" / f"{token(row)}.pcd").unlink()


def converted(root: Path, tmp_path: Path, **entries: Any) -> Scene:
    """With windows of two rows of history, one of future."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1, **entries}))
    (task,) = NavsimConfig(source=root, split=str(path)).build().tasks()
    task.write(tmp_path / "a.arrow")
    return open_scene(tmp_path / "a.arrow")


def test_files_outside_the_history_of_a_scene_may_be_missing(long: Path, tmp_path: Path) -> None:
    for row in (0, 3, 4, 6):
        unlink(long, row)
    scene = converted(long, tmp_path, tokens=[token(2)])
    assert [frame.has("image.cam_f0") for frame in scene] == [False, True, True, False, False, True, False]
    assert [frame.has("image.cam_b0") for frame in scene] == [True] * ROWS
    assert scene.meta.lacks == ("CAM_F0: 4 of 7 files missing", "lidar: 4 of 7 files missing", "map")


@pytest.mark.parametrize("row", [1, 2])
def test_files_of_the_history_and_of_the_current_row_must_exist(row: int, long: Path, tmp_path: Path) -> None:
    unlink(long, row)
    with pytest.raises(DataError, match=rf"the file of CAM_F0 in frame {row} of .* is missing; complete the download"):
        converted(long, tmp_path, tokens=[token(2)])


def test_scenes_after_the_maximum_need_no_files(long: Path, tmp_path: Path) -> None:
    unlink(long, 3)
    assert converted(long, tmp_path, max_scenes=2).meta.lacks[0] == "CAM_F0: 1 of 7 files missing"
    with pytest.raises(DataError, match="CAM_F0 in frame 3"):
        converted(long, tmp_path, max_scenes=3)


def test_without_a_filter_every_file_must_exist(long: Path, tmp_path: Path) -> None:
    unlink(long, 6)
    (task,) = NavsimConfig(source=long).build().tasks()
    with pytest.raises(DataError, match="CAM_F0 in frame 6"):
        task.write(tmp_path / "a.arrow")
