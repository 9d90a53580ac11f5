"""A disk that fails at any operation of a conversion: one sentence, nothing half-written, and the next run finishes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.cli import MISUSED, main
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.manifest import read_manifest
from lead_xb.store.tasks import Source

from .faults import WRITE_FAULTS, Disk, failing
from .golden_routes import copy_routes
from .running import run, snapshot
from .toy_source import toys


def operations_of(source: Source, out: Path, *, below: Path, reads: bool) -> list[str]:
    """What a run without faults does to the disk."""
    with failing(Disk(below, reads=reads)) as disk:
        run(source, out)
    return disk.operations


def assert_nothing_is_half_written(out: Path, reference: dict[str, bytes]) -> None:
    """Every scene and map that has its name has its bytes, and every line of the manifest can be read."""
    for path in [*out.glob("scenes/*.arrow"), *out.glob("maps/*.arrow")]:
        assert path.read_bytes() == reference[path.relative_to(out).as_posix()]
    read_manifest(out)


@pytest.mark.parametrize(
    ("fault", "lasting"), [("ENOSPC", True), ("EIO", False), ("EIO", True), ("EACCES", False), ("short", True)]
)
def test_a_write_may_fail_anywhere(tmp_path: Path, fault: str, lasting: bool) -> None:
    source = toys(tmp_path / "native", ash="rows 2", toy_land_1="rows 1", elm="damaged")
    out = tmp_path / "store"
    steps = len(operations_of(source, out, below=out, reads=False))
    reference = snapshot(out)
    refused = 0
    for step in range(1, steps + 1):
        shutil.rmtree(out)
        with failing(Disk(out, WRITE_FAULTS[fault], step, lasting)) as disk:
            try:
                run(source, out)
            except LeadXbError as error:
                refused += 1
                assert str(tmp_path) in str(error) and disk.struck
        assert_nothing_is_half_written(out, reference)
        with failing(Disk(out)):
            run(source, out)
        assert snapshot(out) == reference, f"after {fault} at {disk.struck[0] if disk.struck else step}"
    assert refused == 0 if fault == "short" else refused > steps / 2


@pytest.mark.parametrize("fault", ["EIO", "short"])
def test_a_read_of_the_store_may_fail_anywhere_while_a_run_goes_on(tmp_path: Path, fault: str) -> None:
    source = toys(tmp_path / "native", ash="rows 2", toy_land_1="rows 1")
    out = tmp_path / "store"
    run(source, out)
    begun = tmp_path / "begun"
    shutil.copytree(out, begun)
    toys(source.folder, elm="rows 1")
    steps = len(operations_of(source, out, below=out, reads=True))
    reference = snapshot(out)
    for step in range(1, steps + 1):
        shutil.rmtree(out)
        shutil.copytree(begun, out)
        with failing(Disk(out, WRITE_FAULTS[fault], step, reads=True)) as disk:
            try:
                run(source, out)
            except LeadXbError as error:
                assert str(out) in str(error)
        with failing(Disk(out)):
            run(source, out)
        assert snapshot(out) == reference, f"after {fault} at {disk.struck}"


@pytest.mark.parametrize("fault", ["EIO", "EACCES", "short"])
def test_a_native_file_that_cannot_be_read_is_quarantined_by_name(tmp_path: Path, fault: str) -> None:
    root = copy_routes(tmp_path / "native", frames=1, names=("one",))
    for folder in (root / "data/ParkedObstacle/one").glob("*_perturbated"):
        shutil.rmtree(folder)
    source, out = CarlaConfig(source=root).build(), tmp_path / "store"
    operations = operations_of(source, out, below=root, reads=True)
    reference = snapshot(out)
    reads = [number for number, what in enumerate(operations, 1) if what.startswith("read") or fault != "short"]
    assert len(reads) > 8
    for step in reads:
        shutil.rmtree(out)
        with failing(Disk(root, WRITE_FAULTS[fault], step, reads=True)) as disk:
            (failure,) = run(source, out).failures
        assert Path(failure.file).name in disk.struck[0] and failure.reason and failure.advice
        with failing(Disk(out)):
            run(source, out)
        assert snapshot(out) == reference


def test_the_command_line_says_it_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "store"
    arguments = ["convert", "dataset=carla", f"source={copy_routes(tmp_path / 'native', frames=1)}", f"out={out}"]
    with failing(Disk(out, WRITE_FAULTS["ENOSPC"], 5)):
        assert main(arguments) == MISUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"lead-xb: {out}/dataset.json: cannot be written (No space left on device); "
        "make room or mend the disk, then run the same command again"
    )


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LeadXbError, match=f"{tmp_path}/file: File exists; mend that and run the same command again"):
        run(toys(tmp_path / "native", ash="rows 1"), tmp_path / "file")
