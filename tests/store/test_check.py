"""`check` finds what is wrong with a store, says where, and is silent about a whole one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.atomic import crc32c_of
from lead_xb.store.check import check_store
from lead_xb.store.dataset import read_dataset
from lead_xb.store.index import read_index_strictly, write_index
from lead_xb.store.store import open_store

from .golden_routes import copy_routes
from .running import run
from .toy_source import toys


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store of two scenes and a map."""
    run(toys(tmp_path / "native", ash="rows 2", mapped_oak="rows 3", toy_land_1="rows 1"), tmp_path / "store")
    return tmp_path / "store"


def problems(root: Path, *, references: str = "verify", roots: dict[str, Path] | None = None) -> list[str]:
    """All problems as `file: what`."""
    store = open_store(root, roots=roots)
    found = [problem for _, problems in check_store(store, references=references) for problem in problems]
    return [f"{Path(problem.where).name}: {problem.what}" for problem in found]


def test_a_whole_store_has_no_problems_and_every_part_is_looked_at(root: Path) -> None:
    checked = [what for what, found in check_store(open_store(root)) if not found]
    assert checked == ["description", "manifest", "map toy-land-1", "scene ash", "scene mapped_oak", "index", "folder"]


def test_a_flipped_bit_is_found_wherever_it_is(root: Path) -> None:
    for path in (root / "scenes/ash.arrow", root / "maps/toy-land-1.arrow", root / "index.parquet"):
        data = path.read_bytes()
        path.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
        assert any("CRC32C is" in problem for problem in problems(root) if path.name in problem)
        path.write_bytes(data)
    assert problems(root) == []


def test_a_missing_scene_is_found(root: Path) -> None:
    (root / "scenes/ash.arrow").unlink()
    (found,) = problems(root)
    assert found.startswith("ash.arrow: ") and "cannot be read (No such file or directory)" in found


def test_a_stray_scene_is_found(root: Path) -> None:
    shutil.copy(root / "scenes/ash.arrow", root / "scenes/copy.arrow")
    assert problems(root) == ["copy.arrow: is not in the manifest; convert again, or move it out of the store"]


def test_swapped_scenes_are_found(root: Path) -> None:
    (root / "scenes/ash.arrow").rename(root / "scenes/x")
    (root / "scenes/mapped_oak.arrow").rename(root / "scenes/ash.arrow")
    (root / "scenes/x").rename(root / "scenes/mapped_oak.arrow")
    assert len([found for found in problems(root) if "CRC32C" in found]) == 2


def _reseal(root: Path) -> None:
    """Make index and manifest what `dataset.json` expects, so that only their content is wrong."""
    names = ("index.parquet", "manifest.jsonl")
    replace(read_dataset(root), checksums={name: crc32c_of(root / name) for name in names}).write(root)


def test_an_index_of_other_scenes_is_found(root: Path) -> None:
    index = read_index_strictly(root)
    write_index(root, index.slice(1))
    _reseal(root)
    assert problems(root) == ["index.parquet: scene 'ash' has 1 rows in the index, 2 in the store"]
    write_index(root, index.slice(2))
    _reseal(root)
    assert problems(root) == ["index.parquet: scene 'ash' is in the store only"]


def test_a_missing_map_is_found(tmp_path: Path) -> None:
    run(toys(tmp_path / "native", mapped_oak="rows 1"), tmp_path / "store")
    assert problems(tmp_path / "store") == [
        "mapped_oak.arrow: needs the map 'toy-land-1', which the store does not hold; convert again"
    ]


def test_a_damaged_manifest_is_found(root: Path) -> None:
    path = root / "manifest.jsonl"
    path.write_bytes(path.read_bytes().replace(b"ash", b"asp"))
    first, second = problems(root)
    assert "manifest.jsonl: " in first and "CRC32C is" in first
    assert "not a manifest line" in second


def test_an_unfinished_conversion_is_found(root: Path, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    toys(tmp_path / "native", elm="rows 1")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr("lead_xb.store.engine.finish", die)
        run(toys(tmp_path / "native"), root)
    first, second = problems(root)
    assert first == "store: the conversion was not finished; run the same `lead-xb convert` again"
    assert second == "index.parquet: scene 'elm' is in the store only"


def test_a_quarantine_is_found(root: Path, tmp_path: Path) -> None:
    run(toys(tmp_path / "native", elm="damaged"), root)
    assert problems(root) == [
        "quarantine.jsonl: 1 scenes or maps could not be converted; mend their files and convert again"
    ]


@pytest.fixture
def referring(tmp_path: Path) -> Path:
    """A store of one frame whose images lie in `native`."""
    source = copy_routes(tmp_path / "native", frames=1, names=("one",))
    run(CarlaConfig(source=source, images="reference").build(), tmp_path / "referring")
    return tmp_path / "referring"


def test_moved_files_are_found_and_their_new_place_can_be_given(referring: Path, tmp_path: Path) -> None:
    assert problems(referring) == []
    (tmp_path / "native").rename(tmp_path / "moved")
    for references in ("verify", "exist"):
        found = problems(referring, references=references)
        assert len(found) == 8 and all("roots.source=PATH" in problem for problem in found)
    assert problems(referring, references="skip") == []
    assert problems(referring, roots={"source": tmp_path / "moved"}) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:100], "has 100 bytes where"),
        (lambda data: data[:-1] + b"\x00", "its SHA-256 differs from the one recorded at conversion"),
    ],
)
def test_a_changed_image_is_found(
    referring: Path, tmp_path: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    image = tmp_path / "native/data/ParkedObstacle/one/rgb/0000.jpg"
    image.write_bytes(change(image.read_bytes()))
    (found,) = problems(referring)
    assert reason in found and str(image) in found
    assert problems(referring, references="exist") == []


def test_a_store_given_by_another_folder_of_the_same_source_still_finds_its_files(
    referring: Path, tmp_path: Path
) -> None:
    report = run(CarlaConfig(source=tmp_path / "native/data", images="reference").build(), referring)
    assert len(report.written) == 1
    assert problems(referring) == []


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match="is not a store"):
        problems(tmp_path)
