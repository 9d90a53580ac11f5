"""The manifest: what a killed run leaves is dropped, what is damaged is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lead_xb.schemas.errors import DataError
from lead_xb.store.manifest import NAME, Entry, append_entry, read_manifest, stored_path, write_manifest

OAK = Entry(kind="scene", id="oak", rows=20, bytes=1234, crc32c="00c0ffee", native_bytes=4321)
ASH = replace(OAK, id="ash", rows=7)
LAND = replace(OAK, kind="map", id="toy-land-1")


def test_entries_come_back(tmp_path: Path) -> None:
    for entry in (OAK, ASH, LAND):
        append_entry(tmp_path, entry)
    assert list(read_manifest(tmp_path).values()) == [OAK, ASH, LAND]


def test_a_store_without_manifest_has_no_entries(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}


def test_a_line_names_kind_and_file(tmp_path: Path) -> None:
    assert json.loads(LAND.line())["map"] == "toy-land-1"
    assert OAK.path(tmp_path) == tmp_path / "scenes/oak.arrow"
    assert stored_path(tmp_path, "map", "toy-land-1") == tmp_path / "maps/toy-land-1.arrow"


def test_the_last_line_of_a_file_wins(tmp_path: Path) -> None:
    append_entry(tmp_path, OAK)
    append_entry(tmp_path, replace(OAK, rows=21))
    assert read_manifest(tmp_path) == {OAK.key: replace(OAK, rows=21)}


def test_the_final_manifest_is_sorted_and_does_not_tell_who_was_first(tmp_path: Path) -> None:
    write_manifest(tmp_path, [OAK, LAND, ASH])
    first = (tmp_path / NAME).read_bytes()
    write_manifest(tmp_path, [ASH, OAK, LAND])
    assert (tmp_path / NAME).read_bytes() == first
    assert list(read_manifest(tmp_path).values()) == [LAND, ASH, OAK]


@pytest.mark.parametrize("kept", range(len(OAK.line()) + 1))
def test_a_line_cut_anywhere_is_no_entry_and_the_next_one_replaces_it(tmp_path: Path, kept: int) -> None:
    append_entry(tmp_path, ASH)
    with (tmp_path / NAME).open("ab") as file:
        file.write(OAK.line().encode()[:kept])
    assert list(read_manifest(tmp_path).values()) == [ASH]
    append_entry(tmp_path, LAND)
    assert list(read_manifest(tmp_path).values()) == [ASH, LAND]


def test_appending_to_a_long_manifest_keeps_all_of_it(tmp_path: Path) -> None:
    write_manifest(tmp_path, [replace(OAK, id=f"oak{number:04}") for number in range(1000)])
    append_entry(tmp_path, ASH)
    assert len(read_manifest(tmp_path)) == 1001


def test_every_changed_character_of_a_line_is_found(tmp_path: Path) -> None:
    append_entry(tmp_path, ASH)
    append_entry(tmp_path, OAK)
    data = (tmp_path / NAME).read_bytes()
    start = data.index(b"\n") + 1
    for position in range(start, len(data) - 1):
        damaged = bytearray(data)
        damaged[position] ^= 1
        (tmp_path / NAME).write_bytes(damaged)
        with pytest.raises(DataError, match=rf"\(byte {start}\): not a manifest line") as caught:
            read_manifest(tmp_path)
        assert caught.value.offset == start


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b'"x"', b"{}", b"\xff", b"[" * 100_000, b'{"scene":"a"}'])
def test_what_is_no_line_is_refused(tmp_path: Path, line: bytes) -> None:
    (tmp_path / NAME).write_bytes(line + b"\n")
    with pytest.raises(DataError, match="restore the file, or delete the store and convert again"):
        read_manifest(tmp_path)
