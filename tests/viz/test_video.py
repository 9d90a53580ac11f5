"""Videos: one picture per key row, at the recorded rate, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from lead_xb.schemas.errors import LeadXbError, SchemaError
from lead_xb.store.scene import Scene
from lead_xb.viz.sheet import frame_sheet
from lead_xb.viz.video import scene_video

MakeScene = Callable[..., Scene]


def read_video(path: Path) -> tuple[list[np.ndarray], float, str]:
    """Pictures, rate and codec of a video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate is not None and stream.pix_fmt == "yuv420p"
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return pictures, float(stream.average_rate), stream.codec_context.name


def test_a_video_has_a_picture_of_every_key_row_at_the_recorded_rate(tmp_path: Path, make_scene: MakeScene) -> None:
    scene = make_scene(rows=4, edit=lambda index, row: row.update({"frame.is_key": index != 1}))
    calls: list[tuple[int, int]] = []
    count = scene_video(tmp_path / "v.mp4", scene, progress=lambda done, total: calls.append((done, total)))
    pictures, rate, codec = read_video(tmp_path / "v.mp4")
    sheet = frame_sheet(scene, 0)
    assert count == len(pictures) == 3 and codec == "h264"
    assert rate == pytest.approx(1e6 / 375_000)  # key rows at 0, 0.5 and 0.75 s
    assert pictures[0].shape == sheet.shape
    assert np.abs(pictures[0].astype(int) - sheet).mean() < 4.0
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert [file.name for file in tmp_path.glob("v.mp4*")] == ["v.mp4"]


def test_the_rate_can_be_given(tmp_path: Path, make_scene: MakeScene) -> None:
    scene_video(tmp_path / "v.mp4", make_scene(cameras=()), fps=10.0)
    assert read_video(tmp_path / "v.mp4")[1] == pytest.approx(10.0)


def test_a_scene_with_one_key_row_is_refused(tmp_path: Path, make_scene: MakeScene) -> None:
    with pytest.raises(LeadXbError, match="has 1 key rows; a video needs at least 2"):
        scene_video(tmp_path / "v.mp4", make_scene(rows=1))
    assert not list(tmp_path.glob("v.mp4*"))


def test_times_that_stand_still_are_refused(tmp_path: Path, make_scene: MakeScene) -> None:
    scene = make_scene(edit=lambda index, row: row.update({"frame.timestamp_us": 0}))
    with pytest.raises(LeadXbError, match="give fps"):
        scene_video(tmp_path / "v.mp4", scene)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), 1000.0])
def test_a_rate_that_makes_no_sense_is_refused(tmp_path: Path, make_scene: MakeScene, fps: float) -> None:
    with pytest.raises(LeadXbError, match="expected a rate above 0"):
        scene_video(tmp_path / "v.mp4", make_scene(), fps=fps)


def test_a_video_that_fails_half_way_leaves_the_old_file(tmp_path: Path, make_scene: MakeScene) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"the old one")
    with pytest.raises(SchemaError):
        scene_video(path, make_scene(), view="mirrored")
    assert path.read_bytes() == b"the old one" and [file.name for file in tmp_path.glob("v.mp4*")] == ["v.mp4"]


def test_a_failing_progress_callback_leaves_nothing(tmp_path: Path, make_scene: MakeScene) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene_video(tmp_path / "v.mp4", make_scene(cameras=()), progress=stop)
    assert not list(tmp_path.glob("v.mp4*"))
