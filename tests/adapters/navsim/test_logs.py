"""A log is read as a whole: order, tokens, one city; a damaged pickle is refused with file and place."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lead_xb.adapters.navsim.logs import LogTask, read_log
from lead_xb.schemas.errors import DataError, UnsafePickleError

from .helpers import LOG, Frames, convert_log, edited, native_frames, token, write_log


def test_frames_may_be_missing_and_steps_of_any_length(tmp_path: Path) -> None:
    frames = native_frames(6)
    del frames[2:4]
    write_log(tmp_path, frames)
    scene = convert_log(tmp_path, tmp_path / "a.arrow", sensors="present")
    assert [frame["frame.source_index"] for frame in scene] == [0, 1, 4, 5]


def test_the_task_is_small_and_picklable(root: Path) -> None:
    from lead_xb.adapters.navsim.config import NavsimConfig

    (task,) = NavsimConfig(source=root).build().tasks()
    assert isinstance(task, LogTask)
    assert (task.kind, task.id) == ("scene", LOG)
    assert task.native_bytes == task.path.stat().st_size
    assert pickle.loads(pickle.dumps(task)) == task
    assert len(pickle.dumps(task)) < 3000


def test_two_conversions_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    convert_log(root, tmp_path / "a.arrow")
    convert_log(root, tmp_path / "b.arrow")
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()


BAD_LOGS: dict[str, tuple[Any, str]] = {
    "no list": ({"frames": []}, "holds a dict of 1, expected a list of frames"),
    "no frames": ([], "holds a list of 0, expected a list of frames"),
    "a frame that is none": ([*native_frames(1), "frame"], r"frame 1 is 'frame' \(str\), expected a dictionary"),
    "a token twice": (edited("token", lambda _: token(0)), "frame 1: 'token' is .* expected a new token, but frame 0"),
    "time that stands still": (
        edited("timestamp", lambda _: native_frames()[0]["timestamp"]),
        r"frame 1: 'timestamp' is 16.* expected a time after that of the frame before",
    ),
    "two logs": (edited("log_name", lambda _: "another"), f"'log_name' is 'another' .* expected '{LOG}' as in frame 0"),
    "two cities": (edited("map_location", lambda _: "sg-one-north"), "expected 'us-ma-boston' as in frame 0"),
    "token as bytes": (edited("token", str.encode), r"'token' is b'0+1' \(bytes\), expected text"),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_what_is_no_log_is_refused(name: str, tmp_path: Path) -> None:
    content, message = BAD_LOGS[name]
    with pytest.raises(DataError, match=message):
        read_log(write_log(tmp_path, content))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_pickle_is_refused(share: float, tmp_path: Path) -> None:
    path = write_log(tmp_path, native_frames())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DataError, match="get it again from its publisher"):
        read_log(path)


def test_a_pickle_that_names_other_code_is_refused_unread(tmp_path: Path) -> None:
    path = write_log(tmp_path, [Path("/")])
    with pytest.raises(UnsafePickleError, match=r"it asks for 'pathlib\.\w*Path'"):
        read_log(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.pkl: cannot be read \(No such file"):
        read_log(tmp_path / "gone.pkl")


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x41]) + data[position + 1 :]


def test_damaged_bytes_never_give_anything_but_our_errors(root: Path, tmp_path: Path) -> None:
    path = root / "navsim_logs" / "mini" / f"{LOG}.pkl"
    data = path.read_bytes()
    generator = np.random.default_rng(11)
    refused = 0
    for position in generator.integers(0, len(data), 60).tolist():
        path.write_bytes(flipped(data, position))
        try:
            convert_log(root, tmp_path / "a.arrow", sensors="present")
        except DataError:
            refused += 1
    assert refused > 5


def test_the_city_of_the_first_bytes_must_be_that_of_the_log(root: Path, tmp_path: Path) -> None:
    from lead_xb.adapters.navsim.config import NavsimConfig

    (task,) = NavsimConfig(source=root).build().tasks()
    frames: Frames = [{**frame, "map_location": "sg-one-north"} for frame in native_frames()]
    write_log(root, frames)
    with pytest.raises(DataError, match="is in sg-one-north, but the file begins with us-ma-boston"):
        task.write(tmp_path / "a.arrow")
