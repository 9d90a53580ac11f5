"""A scene as a video: one sheet per key row, at the rate at which they were recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from lead_xb.schemas.errors import LeadXbError
from lead_xb.schemas.extras import require
from lead_xb.store.atomic import PARTIAL_SUFFIX
from lead_xb.store.maps import Map
from lead_xb.store.scene import Scene
from lead_xb.viz.sheet import frame_sheet

Progress = Callable[[int, int], None]
"""Called with the number of finished pictures and the number of all."""

_ENCODER_OPTIONS = {"crf": "20", "preset": "veryfast"}
_FILE_OPTIONS = {"movflags": "+faststart"}


def scene_video(
    path: Path,
    scene: Scene,
    *,
    fps: float | None = None,
    map: Map | None = None,
    view: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the sheets of all key rows of a scene as MP4 (H.264, yuv420p); the file appears whole or not at all.

    Args:
        path: file to write, usually `*.mp4`.
        scene: opened scene.
        fps: pictures per second; None takes the median step of the key rows, so that the video runs in real time.
        map: map under the bird's-eye view, as for `frame_sheet`.
        view: perturbed rig whose images are shown, as for `frame_sheet`.
        progress: called after each picture.

    Returns the number of pictures.

    Raises:
        LeadXbError: fewer than 2 key rows, times that do not advance, or a rate that is not positive.
        OSError: the folder cannot be written.
    """
    rows = key_rows(scene)
    if len(rows) < 2:
        raise LeadXbError(f"scene {scene.meta.scene_id} has {len(rows)} key rows; a video needs at least 2")
    rate = _recorded_rate(scene, rows) if fps is None else _given_rate(fps)
    av = require("av", extra="viz", purpose="video=true")
    with _partial_file(path) as partial, av.open(str(partial), "w", format="mp4", options=_FILE_OPTIONS) as container:
        first = frame_sheet(scene, rows[0], map=map, view=view)
        stream = container.add_stream("libx264", rate=rate, options=_ENCODER_OPTIONS)
        stream.height, stream.width, stream.pix_fmt = first.shape[0], first.shape[1], "yuv420p"
        for done, row in enumerate(rows):
            picture = first if done == 0 else frame_sheet(scene, row, map=map, view=view)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            if progress is not None:
                progress(done + 1, len(rows))
        container.mux(stream.encode(None))
    return len(rows)


def key_rows(scene: Scene) -> list[int]:
    """Rows that have the scene's key sensors."""
    is_key = scene.table(["frame.is_key"])["frame.is_key"].to_numpy(zero_copy_only=False)
    return [int(row) for row in np.flatnonzero(is_key)]


def _recorded_rate(scene: Scene, rows: Sequence[int]) -> Fraction:
    times = scene.table(["frame.timestamp_us"])["frame.timestamp_us"].to_numpy()[list(rows)]
    step_us = int(np.median(np.diff(times)))
    if step_us <= 0:
        raise LeadXbError(
            f"scene {scene.meta.scene_id}: the median step between key rows is {step_us} us, so the video has no "
            "rate of its own; give fps"
        )
    return Fraction(1_000_000, step_us).limit_denominator(1001)


def _given_rate(fps: float) -> Fraction:
    if not 0.0 < fps <= 240.0:
        raise LeadXbError(f"fps is {fps}; expected a rate above 0 and up to 240")
    return Fraction(fps).limit_denominator(1001)


@contextmanager
def _partial_file(path: Path) -> Iterator[Path]:
    """A name beside `path` that takes its place when the block ends well: the MP4 muxer must be able to seek."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{PARTIAL_SUFFIX}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
