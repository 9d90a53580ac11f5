"""SceneStore: what it opens, what strict mode refuses that the default open cannot know, and what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

import lead_xb as lx
from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.map import Layer
from lead_xb.store.dataset import Dataset
from lead_xb.store.store import SceneStore, open_store

from .golden_routes import copy_routes
from .running import run
from .toy_source import toys

Damage = Callable[[bytes], bytes]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store of two scenes and a map."""
    run(toys(tmp_path / "native", ash="rows 2", mapped_oak="rows 3", toy_land_1="rows 1"), tmp_path / "store")
    return tmp_path / "store"


def test_a_store_offers_scenes_maps_and_index(root: Path) -> None:
    store: SceneStore = lx.open(root)
    assert store.scene_ids == ["ash", "mapped_oak"]
    assert [frame.token for frame in store.scene("ash")] == ["ash-0", "ash-1"]
    assert store.index.collect()["token"].to_list() == ["ash-0", "ash-1", *(f"mapped_oak-{n}" for n in range(3))]
    assert store.map("toy-land-1").lane("1").geometry.area == 8.0


def test_a_scene_opens_its_map_which_scenes_share(root: Path) -> None:
    store = open_store(root)
    opened = store.scene("mapped_oak").map
    assert opened is not None and opened is store.map("toy-land-1")
    assert len(opened.layer(Layer.LANE)) == 1
    assert store.scene("ash").map is None


def test_a_name_that_does_not_exist_is_answered_with_those_that_do(root: Path) -> None:
    with pytest.raises(LeadXbError, match="has no scene 'elm'; it has ash, mapped_oak"):
        open_store(root).scene("elm")
    with pytest.raises(LeadXbError, match="has no map 'mars'; it has toy-land-1"):
        open_store(root).map("mars")
    with pytest.raises(LeadXbError, match=r"has no payload roots \['blobs'\]; it has none"):
        open_store(root, roots={"blobs": "/data"})


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match="is not a store"):
        open_store(tmp_path)


FILES = ("scenes/ash.arrow", "maps/toy-land-1.arrow", "index.parquet", "manifest.jsonl", "dataset.json")


def read_all(root: Path, *, strict: bool) -> None:
    """Everything that a store offers."""
    store = open_store(root, strict=strict)
    assert store.index.collect().height == 5
    for scene in map(store.scene, store.scene_ids):
        assert len(scene.table(["frame.token"])) == len(scene)
    store.map("toy-land-1").elements(Layer.LANE)


@pytest.mark.parametrize("name", FILES)
def test_strict_mode_finds_every_changed_bit(root: Path, name: str) -> None:
    read_all(root, strict=True)
    data = (root / name).read_bytes()
    for position in range(0, len(data), max(1, len(data) // 23)):
        damaged = bytearray(data)
        damaged[position] ^= 1
        (root / name).write_bytes(damaged)
        with pytest.raises(LeadXbError):
            read_all(root, strict=True)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], None])
def test_cut_and_missing_files_are_found_by_the_default_open(root: Path, name: str, damage: Damage | None) -> None:
    if damage is None:
        (root / name).unlink()
    else:
        (root / name).write_bytes(damage((root / name).read_bytes()))
    with pytest.raises(LeadXbError):
        read_all(root, strict=False)


def test_a_store_whose_conversion_runs_can_be_read_but_is_not_taken_for_whole(root: Path) -> None:
    Dataset(source="toy", options={}).write(root)
    assert len(open_store(root).scene("ash")) == 2
    with pytest.raises(LeadXbError, match="its conversion was not finished; run the same `lead-xb convert` again"):
        _ = open_store(root).index
    with pytest.raises(LeadXbError, match="its conversion was not finished"):
        open_store(root, strict=True).scene("ash")


def test_strict_mode_compares_referenced_bytes_with_their_sha256(tmp_path: Path) -> None:
    source = copy_routes(tmp_path / "native", frames=1, names=("one",))
    run(CarlaConfig(source=source, images="reference").build(), tmp_path / "store")
    image = source / "data/ParkedObstacle/one/rgb/0000.jpg"
    data = image.read_bytes()
    frame = open_store(tmp_path / "store", strict=True).scene("ParkedObstacle__one").frame(0)
    assert frame.payload("image.strip") == data
    assert frame["image.strip"]["reference"]["sha256"] == hashlib.sha256(data).digest()
    image.write_bytes(data[:-1] + b"\x00")
    with pytest.raises(DataError, match="its SHA-256 differs from the one recorded"):
        frame.payload("image.strip")
    assert open_store(tmp_path / "store").scene("ParkedObstacle__one").frame(0).payload("image.strip") != data
