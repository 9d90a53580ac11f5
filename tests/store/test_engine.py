"""The convert engine: what it keeps, what it refuses, and that it gives the same bytes however it runs."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path

import pytest

from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.dataset import read_dataset
from lead_xb.store.manifest import read_manifest
from lead_xb.store.pool import WORKER_LIMIT_BYTES, LocalPool
from lead_xb.store.store import open_store
from lead_xb.store.tasks import Task

from .golden_routes import ROOT
from .running import run, snapshot
from .toy_source import ToySource, toys

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture
def source(tmp_path: Path) -> ToySource:
    """Two scenes and a map."""
    return toys(tmp_path / "native", ash="rows 2", mapped_oak="rows 3", toy_land_1="rows 1")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the store goes."""
    return tmp_path / "store"


def test_a_second_run_writes_nothing_and_leaves_every_byte(source: ToySource, out: Path) -> None:
    first = run(source, out)
    before, changed = snapshot(out), (out / "scenes/ash.arrow").stat().st_mtime_ns
    second = run(source, out)
    assert (len(first.written), first.kept) == (3, 0)
    assert (len(second.written), second.kept) == (0, 3)
    assert snapshot(out) == before
    assert (out / "scenes/ash.arrow").stat().st_mtime_ns == changed


def test_an_added_log_alone_is_converted(source: ToySource, out: Path, tmp_path: Path) -> None:
    run(source, out)
    toys(source.folder, elm="rows 1")
    assert [entry.id for entry in run(source, out).written] == ["elm"]
    run(source, tmp_path / "at once")
    assert snapshot(out) == snapshot(tmp_path / "at once")


def test_a_native_of_another_size_is_converted_again(source: ToySource, out: Path) -> None:
    run(source, out)
    toys(source.folder, ash="rows 10")
    assert [entry.id for entry in run(source, out).written] == ["ash"]
    assert len(open_store(out).scene("ash")) == 10


def test_a_damaged_scene_of_the_store_is_written_again(source: ToySource, out: Path) -> None:
    run(source, out)
    before = snapshot(out)
    scene = out / "scenes/ash.arrow"
    scene.write_bytes(scene.read_bytes().replace(b"ash-1", b"ash-7"))
    assert [entry.id for entry in run(source, out).written] == ["ash"]
    assert snapshot(out) == before


def test_a_damaged_index_is_not_built_upon_and_can_be_built_anew(source: ToySource, out: Path) -> None:
    run(source, out)
    before = snapshot(out)
    (out / "index.parquet").write_bytes(before["index.parquet"][:-9])
    with pytest.raises(LeadXbError, match=r"index.parquet: damaged .*; restore it, or delete it and convert again"):
        run(source, out)
    (out / "index.parquet").unlink()
    run(source, out)
    assert snapshot(out) == before


def test_other_options_are_refused(source: ToySource, out: Path) -> None:
    run(source, out)
    before = snapshot(out)
    with pytest.raises(LeadXbError, match=r"made with source toy and options {}, now asked for is toy with {'images'"):
        run(ToySource(source.folder, {"images": "reference"}), out)
    assert snapshot(out) == before


def test_a_folder_of_other_files_is_refused(source: ToySource, out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(LeadXbError, match=r"holds other files \(thesis.tex"):
        run(source, out)
    assert sorted(snapshot(out)) == [".lock", "thesis.tex"]


def test_an_empty_source_is_an_error(tmp_path: Path, out: Path) -> None:
    with pytest.raises(LeadXbError, match="the toy source holds nothing to convert"):
        run(toys(tmp_path / "empty"), out)
    assert not out.exists()


def test_two_scenes_of_one_name_are_refused(source: ToySource, out: Path) -> None:
    class Twice(ToySource):
        def tasks(self) -> Sequence[Task]:
            return [*super().tasks(), *super().tasks()]

    with pytest.raises(LeadXbError, match="two scenes are called 'ash'"):
        run(Twice(source.folder), out)


def test_a_damaged_log_is_quarantined_and_the_rest_converted(source: ToySource, out: Path) -> None:
    toys(source.folder, ash="damaged", elm="hungry")
    report = run(source, out)
    assert [entry.id for entry in report.written] == ["mapped_oak", "toy-land-1"]
    assert not report.dataset.complete
    first, second = map(json.loads, (out / "quarantine.jsonl").read_text().splitlines())
    native = str(source.folder / "ash.scene")
    assert first == {"advice": "write it again", "file": native, "id": "ash", "offset": 3, "reason": "is damaged"}
    assert (second["id"], second["reason"]) == (
        "elm",
        f"needs more than the {WORKER_LIMIT_BYTES >> 30} GiB that a worker may use",
    )
    assert open_store(out).index.collect()["scene"].unique().to_list() == ["mapped_oak"]


def test_a_mended_log_finishes_the_store(source: ToySource, out: Path, tmp_path: Path) -> None:
    toys(source.folder, ash="damaged")
    run(source, out)
    toys(source.folder, ash="rows 2")
    assert [entry.id for entry in run(source, out).written] == ["ash"]
    assert read_dataset(out).complete
    run(source, tmp_path / "at once")
    assert snapshot(out) == snapshot(tmp_path / "at once")


def test_a_log_that_became_damaged_leaves_no_old_scene(source: ToySource, out: Path, tmp_path: Path) -> None:
    run(source, out)
    toys(source.folder, ash="damaged")
    run(source, out)
    assert ("scene", "ash") not in read_manifest(out)
    run(source, tmp_path / "at once")
    assert snapshot(out) == snapshot(tmp_path / "at once")


def test_a_bug_is_not_taken_for_damage(source: ToySource, out: Path) -> None:
    toys(source.folder, ash="bug")
    with pytest.raises(ValueError, match="nothing that a toy does"):
        run(source, out)


def test_another_split_is_added_to_the_store(source: ToySource, out: Path, tmp_path: Path) -> None:
    other = toys(tmp_path / "other", blind_yew="rows 4")
    run(source, out)
    report = run(other, out)
    assert report.dataset.counts == {"scenes": 3, "rows": 9, "maps": 1, "quarantined": 0}
    assert report.dataset.splits == {"even": 5}
    assert run(source, out).dataset == report.dataset
    assert report.dataset.lacks == {"sensors": 1}


def test_a_split_that_was_not_finished_leaves_the_store_incomplete(source: ToySource, out: Path) -> None:
    run(source, out)
    index = (out / "index.parquet").read_bytes()
    toys(source.folder, elm="rows 1")
    run(source, out)
    (source.folder / "elm.scene").unlink()
    (out / "index.parquet").write_bytes(index)  # as if the run that wrote elm had been killed before it wrote an index
    assert not run(source, out).dataset.complete


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_does_not_change_a_byte(
    source: ToySource, out: Path, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    toys(source.folder, elm="damaged")
    run(source, tmp_path / "inline")
    run(source, out, pool=LocalPool(workers))
    assert snapshot(out) == snapshot(tmp_path / "inline")


def test_a_second_conversion_into_the_same_store_is_refused(source: ToySource, out: Path) -> None:
    run(source, out)
    before = snapshot(out)
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LeadXbError, match=f"another conversion is writing to {out}"):
            run(source, out)
    assert snapshot(out) == before


def test_a_full_disk_is_refused_before_anything_is_written(
    source: ToySource, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(source, out)
    before = snapshot(out)
    toys(source.folder, elm="rows 1", fir="rows 1")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 150_000, 150_000))
    with pytest.raises(LeadXbError, match=r"needs about 0.0 GB but 0.0 GB are free; free some space"):
        run(source, out)
    assert snapshot(out) == before


def test_what_killed_runs_leave_is_removed(source: ToySource, out: Path) -> None:
    run(source, out)
    before = snapshot(out)
    for name in ("scenes/ash.arrow.partial", "index.parquet.partial", "dataset.json.partial"):
        (out / name).write_bytes(b"half")
    run(source, out)
    assert snapshot(out) == before


def test_a_run_killed_before_its_first_file_does_not_block_the_next(source: ToySource, out: Path) -> None:
    out.mkdir()
    (out / "dataset.json.partial").write_bytes(b'{"sour')
    assert run(source, out).dataset.complete
