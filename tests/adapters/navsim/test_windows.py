"""The windows of logs are read once each, in workers, and no further than the filter's maximum."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from lead_xb.adapters.navsim.catalogue import LogFile
from lead_xb.adapters.navsim.windows import Windows, kept_windows
from lead_xb.store.pool import Failure, LocalPool

from ...store.running import InlinePool, Item, Result
from .helpers import native_frames, write_log


class Backwards:
    """A pool whose results arrive in the opposite order, and that counts them."""

    def __init__(self) -> None:
        self.read = 0

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item], name: Callable[[Item], str]
    ) -> Iterator[tuple[Item, Result | Failure]]:
        for result in reversed(list(InlinePool().run(function, items, name))):
            self.read += 1
            yield result


@pytest.fixture
def logs(tmp_path: Path) -> dict[str, LogFile]:
    """Four logs of two windows each; the second one is damaged."""
    found = {}
    for letter in "abcd":
        frames = [{**frame, "token": letter + frame["token"][1:]} for frame in native_frames(4)]
        found[letter] = LogFile(write_log(tmp_path, frames, name=letter), ("mini",), "mini")
    found["b"].path.write_bytes(b"garbage")
    return found


def filter_path(tmp_path: Path, max_scenes: int | None) -> Path:
    path = tmp_path / "tiny.yaml"
    entries = {"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1, "max_scenes": max_scenes}
    path.write_text(yaml.safe_dump(entries))
    return path


def ends(letter: str, *rows: int) -> Windows:
    return Windows(tuple(f"{letter}{row:015x}" for row in rows))


@pytest.mark.parametrize("pool", [InlinePool(), Backwards(), LocalPool(2)])
def test_windows_are_told_by_their_last_frames(
    pool: InlinePool | Backwards | LocalPool, logs: dict[str, LogFile], tmp_path: Path
) -> None:
    assert kept_windows(logs, filter_path(tmp_path, None), pool) == {
        "a": ends("a", 2, 3),
        "b": Windows(()),
        "c": ends("c", 2, 3),
        "d": ends("d", 2, 3),
    }


@pytest.mark.parametrize(("most", "names"), [(1, "a"), (2, "a"), (3, "abc"), (4, "abc"), (5, "abcd"), (100, "abcd")])
def test_reading_stops_at_the_maximum(most: int, names: str, logs: dict[str, LogFile], tmp_path: Path) -> None:
    path = filter_path(tmp_path, most)
    for pool in (InlinePool(), Backwards()):
        kept = kept_windows(logs, path, pool)
        assert "".join(kept) == names
        assert sum(len(windows.final_tokens) for windows in kept.values()) == min(most, 6)


def test_each_log_is_read_once(logs: dict[str, LogFile], tmp_path: Path) -> None:
    pool = Backwards()
    kept_windows(logs, filter_path(tmp_path, None), pool)
    assert pool.read == len(logs)
