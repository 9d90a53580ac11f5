"""Files appear whole or not at all, with the checksum of what is really on disk."""

from __future__ import annotations

import errno
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import google_crc32c
import pyarrow as pa
import pytest

from lead_xb.store import atomic
from lead_xb.store.atomic import ChecksumFile, WriteError, atomic_write, crc32c_of, seal_of


def test_a_file_appears_with_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with atomic_write(path) as file:
        file.write(b"first ")
        file.write(memoryview(b"second"))
        assert not path.exists()
    assert path.read_bytes() == b"first second"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_size_and_checksum_are_those_of_the_file(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "file") as file:
        file.write(b"x" * 5_000_000)
        file.write(pa.py_buffer(b"123456789"))
    assert file.bytes_written == file.tell() == 5_000_009
    assert file.crc32c == crc32c_of(tmp_path / "file")


def test_the_checksum_is_crc32c(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123456789")
    assert crc32c_of(tmp_path / "file") == "e3069283"  # the check value of CRC-32/ISCSI


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error), atomic_write(tmp_path / "file") as file:
        file.write(b"new")
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


class Reluctant(io.BufferedWriter):
    """Takes at most three bytes at a time, as a pipe or a full network share may."""

    def write(self, data: Any) -> int:
        return super().write(memoryview(data)[:3])


def test_short_writes_are_completed(tmp_path: Path) -> None:
    with Reluctant(io.FileIO(tmp_path / "file", "w")) as raw:
        file = ChecksumFile(raw)
        file.write(b"123456789")
    assert (tmp_path / "file").read_bytes() == b"123456789"
    assert file.crc32c == "e3069283"


def _fail(*_: object) -> IO[bytes]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["open_for_write", "os.fsync", "os.replace"])
def test_a_failing_disk_is_one_sentence_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file"
    monkeypatch.setattr(*_target(call), _fail)
    with pytest.raises(WriteError, match=f"^{path}: cannot be written .No space left on device.; make room"):
        with atomic_write(path) as file:
            file.write(b"data")
    assert list(tmp_path.iterdir()) == []


def _target(call: str) -> tuple[object, str]:
    return (os, call.removeprefix("os.")) if call.startswith("os.") else (atomic, call)


def test_a_write_error_survives_the_way_back_from_a_worker(tmp_path: Path) -> None:
    error = WriteError.of(tmp_path, OSError(errno.EIO, "Input/output error"))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("change", [lambda v: {**v, "a": 2}, lambda v: {**v, "c": None}, lambda v: {"a": 1}])
def test_a_seal_changes_with_every_value(change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    values = {"a": 1, "b": ["x", 0.1]}
    assert seal_of(change(values)) != seal_of(values)
    assert seal_of(dict(reversed(values.items()))) == seal_of(values)
    assert seal_of({}) == google_crc32c.Checksum(b"{}").hexdigest().decode()
