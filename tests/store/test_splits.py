"""A store grows by splits: names of earlier runs stay, names of this run are defined anew, missing tokens are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.dataset import read_dataset
from lead_xb.store.store import open_store

from .golden_routes import copy_routes
from .running import run, snapshot
from .toy_source import toys


def split_of(store: Path, row: int) -> list[str]:
    """Splits of a row of the scene `a`."""
    index = open_store(store).index.collect()
    names: list[str] = index.filter((pl.col("scene") == "a") & (pl.col("row") == row))["split"][0].to_list()
    return names


def test_a_later_run_keeps_the_splits_of_an_earlier_one(tmp_path: Path) -> None:
    source = toys(tmp_path / "toys", a="rows 3")
    run(replace(source, split="navtest"), tmp_path / "store")
    report = run(replace(source, split="navhard"), tmp_path / "store")
    assert report.written == ()
    assert [split_of(tmp_path / "store", row) for row in range(3)] == [
        ["navhard", "navtest"],
        [],
        ["navhard", "navtest"],
    ]
    assert read_dataset(tmp_path / "store").splits == {"navhard": 2, "navtest": 2}


def test_a_split_that_a_run_asks_for_is_defined_anew(tmp_path: Path) -> None:
    source = toys(tmp_path / "toys", a="rows 3")
    run(replace(source, split="navtest"), tmp_path / "store")
    run(replace(source, split="other", requested={"navtest": ["none"]}), tmp_path / "store")
    assert split_of(tmp_path / "store", 0) == ["other"]


def test_the_same_run_again_changes_nothing(tmp_path: Path) -> None:
    source = toys(tmp_path / "toys", a="rows 3", b="rows 2")
    run(replace(source, split="navtest"), tmp_path / "store")
    run(source, tmp_path / "store")
    before = snapshot(tmp_path / "store")
    run(source, tmp_path / "store")
    assert snapshot(tmp_path / "store") == before


def test_tokens_that_were_asked_for_and_not_found_are_told(tmp_path: Path) -> None:
    source = toys(tmp_path / "toys", a="rows 3")
    run(source, tmp_path / "store")
    index = open_store(tmp_path / "store").index.collect()
    in_split, outside = index["token"][0], index["token"][1]
    asked = replace(source, requested={"even": [in_split, outside, "never"], "none": []})
    report = run(asked, tmp_path / "store")
    assert report.missing == {"even": sorted([outside, "never"])}
    assert report.dataset.missing == {"even": 2}


def test_what_another_run_could_not_convert_stays_in_the_report(tmp_path: Path) -> None:
    run(toys(tmp_path / "first", a="rows 1", b="damaged"), tmp_path / "store")
    run(toys(tmp_path / "second", c="rows 1"), tmp_path / "store")
    assert read_dataset(tmp_path / "store").counts["quarantined"] == 1
    assert not read_dataset(tmp_path / "store").complete
    assert '"id": "b"' in (tmp_path / "store" / "quarantine.jsonl").read_text()
    report = run(toys(tmp_path / "first", b="rows 0001"), tmp_path / "store")
    assert report.dataset.complete and not (tmp_path / "store" / "quarantine.jsonl").exists()


def test_a_root_does_not_move_away_from_the_scenes_of_an_earlier_run(tmp_path: Path) -> None:
    root = copy_routes(tmp_path / "root")
    one, two = sorted((root / "data").glob("*/*"))
    run(CarlaConfig(source=one, images="reference").build(), tmp_path / "store")
    run(CarlaConfig(source=two, images="reference").build(), tmp_path / "store")
    other = copy_routes(tmp_path / "other", names=("three",))
    with pytest.raises(LeadXbError, match="convert from the folder that holds both"):
        run(CarlaConfig(source=other, images="reference").build(), tmp_path / "store")
    assert read_dataset(tmp_path / "store").complete
