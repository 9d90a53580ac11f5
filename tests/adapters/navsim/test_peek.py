"""The names at the start of a pickle are found without building anything."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from lead_xb.adapters.navsim.peek import peek_texts
from lead_xb.schemas.errors import DataError

from .helpers import GOLDEN, LOG, native_frames

KEYS = frozenset({"log_name", "map_location"})


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_names_are_found_in_every_protocol(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(native_frames(), protocol=protocol))
    assert peek_texts(path, KEYS) == {"log_name": LOG, "map_location": "us-ma-boston"}


def test_a_text_that_was_said_before_is_remembered(tmp_path: Path) -> None:
    text = "".join(["us-ma-", "boston"])
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps([{"other": text, "map_location": text, "log_name": LOG}]))
    assert peek_texts(path, KEYS) == {"log_name": LOG, "map_location": text}


def test_a_value_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps([{"map_location": None, "log_name": 7, "x": "map_location"}]))
    assert peek_texts(path, KEYS) == {}


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff", b"\x80\x04", b"V\\ud800\n."])
def test_damaged_bytes_say_nothing(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(data)
    assert peek_texts(tmp_path / "a.pkl", KEYS) == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.pkl: cannot be read"):
        peek_texts(tmp_path / "a.pkl", KEYS)


def test_recorded_pickles_begin_with_their_names() -> None:
    for path in GOLDEN.glob("navsim_logs/*/*.pkl"):
        assert peek_texts(path, KEYS)["log_name"] == path.stem
    for path in GOLDEN.glob("*/synthetic_scene_pickles/*.pkl"):
        assert peek_texts(path, frozenset({"scene_token"})) == {"scene_token": path.stem}
