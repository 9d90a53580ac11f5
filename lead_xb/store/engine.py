"""The convert engine: any adapter's tasks, in worker processes, resumable, the same bytes however it runs.

A task's file appears whole or not at all, its manifest line comes after it, and `dataset.json` and the index come
last. So a run that is killed at any instant loses at most the tasks that were in flight.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.atomic import PARTIAL_SUFFIX, crc32c_of
from lead_xb.store.dataset import NAME as DATASET_NAME
from lead_xb.store.dataset import Dataset, read_dataset
from lead_xb.store.index import read_index_strictly, write_index
from lead_xb.store.manifest import NAME as MANIFEST_NAME
from lead_xb.store.manifest import Entry, append_entry, read_manifest, stored_path, write_manifest
from lead_xb.store.pool import Failure, Pool
from lead_xb.store.quarantine import write_quarantine
from lead_xb.store.tasks import Source, Task
from lead_xb.store.work import Indexed, index_task, write_task

DISK_MARGIN = 1.05


class Progress(Protocol):
    """What the engine tells while it works; the command line shows a bar, a script may pass its own."""

    def start(self, *, tasks: int, native_bytes: int, done_tasks: int, done_bytes: int) -> None:
        """The plan is made; some of it may be done already."""

    def advance(self, task: Task, *, failed: bool) -> None:
        """One task has ended."""

    def stage(self, text: str) -> None:
        """A new stage begins."""


@dataclass(frozen=True, kw_only=True)
class ConvertReport:
    """What a conversion did.

    Attributes:
        written: files written in this run.
        kept: files that an earlier run had finished.
        failures: what was not converted and why.
        dataset: the store as it is now.
    """

    written: tuple[Entry, ...]
    kept: int
    failures: tuple[Failure, ...]
    dataset: Dataset


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of the engine."""

    source: Source
    out: Path
    pool: Pool
    progress: Progress
    written: list[Entry] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def convert(source: Source, out: Path, *, pool: Pool, progress: Progress) -> ConvertReport:
    """Convert all tasks of a source into a store, or finish what an earlier run began.

    Raises:
        LeadXbError: nothing to convert, not enough disk, or the store was made with other options.
    """
    tasks = list(source.tasks())
    if not tasks:
        raise LeadXbError(f"the {source.name} source holds nothing to convert; check source= and split=")
    _require_distinct(tasks)
    out.mkdir(parents=True, exist_ok=True)
    with _only_writer(out):
        job = Job(source=source, out=out, pool=pool, progress=progress)
        old = _begin(job)
        done = _finished(job, tasks)
        todo = [task for task in tasks if (task.kind, task.id) not in done]
        _require_disk(out, todo)
        _announce(job, tasks, done)
        _write_all(job, todo)
        dataset = _finish(job, tasks, old)
    return ConvertReport(written=tuple(job.written), kept=len(done), failures=tuple(job.failures), dataset=dataset)


def _begin(job: Job) -> Dataset | None:
    """Mark the store as incomplete; refuse to mix options. Returns the description of an earlier run."""
    options = dict(job.source.options)
    old = read_dataset(job.out) if (job.out / DATASET_NAME).exists() else None
    if old is None and any(job.out.glob("*")) and not (job.out / MANIFEST_NAME).exists():
        strangers = sorted(p.name for p in job.out.iterdir() if p.name != _LOCK_NAME)
        if strangers:
            raise LeadXbError(f"{job.out} holds other files ({strangers[0]} ...); give a new or empty folder as out=")
    if old is not None and (old.source, dict(old.options)) != (job.source.name, options):
        raise LeadXbError(
            f"{job.out} was made with source {old.source} and options {dict(old.options)}, now asked for is "
            f"{job.source.name} with {options}; use another out= or the same options"
        )
    roots = {name: str(path.resolve()) for name, path in job.source.roots.items()}
    begun = (
        replace(old, roots=roots, complete=False)
        if old
        else Dataset(source=job.source.name, options=options, roots=roots)
    )
    begun.write(job.out)
    for partial in job.out.rglob(f"*{PARTIAL_SUFFIX}"):
        partial.unlink()
    return old


def _finished(job: Job, tasks: list[Task]) -> dict[tuple[str, str], Entry]:
    """Entries of an earlier run whose file is still the one that was written, from natives of the same size."""
    entries = read_manifest(job.out)
    done = {}
    for task in tasks:
        entry = entries.get((task.kind, task.id))
        if entry is None or entry.native_bytes != task.native_bytes:
            continue
        path = entry.path(job.out)
        if path.is_file() and path.stat().st_size == entry.bytes and crc32c_of(path) == entry.crc32c:
            done[entry.key] = entry
    return done


def _write_all(job: Job, todo: list[Task]) -> None:
    for folder in {stored_path(job.out, task.kind, task.id).parent for task in todo}:
        folder.mkdir(exist_ok=True)
    jobs = [(task, stored_path(job.out, task.kind, task.id)) for task in todo]
    for (task, _), outcome in job.pool.run(write_task, jobs, _name):
        if isinstance(outcome, Failure):
            job.failures.append(outcome)
        else:
            entry = Entry(
                kind=task.kind,
                id=task.id,
                rows=outcome.rows,
                bytes=outcome.bytes,
                crc32c=outcome.crc32c,
                native_bytes=task.native_bytes,
            )
            append_entry(job.out, entry)
            job.written.append(entry)
        job.progress.advance(task, failed=isinstance(outcome, Failure))


def _name(item: tuple[Task, Path]) -> str:
    return item[0].id


def _finish(job: Job, tasks: list[Task], old: Dataset | None) -> Dataset:
    """Index, quarantine report, sorted manifest and description: everything that is written last."""
    job.progress.stage("index")
    entries = read_manifest(job.out)
    tables, lacks = _index_tables(job, tasks, entries)
    others = _rows_of_other_runs(job, {t.id for t in tasks}, entries) if old is not None else []
    index_crc = write_index(job.out, tables + others)
    failures = sorted(job.failures, key=lambda failure: failure.id)
    write_quarantine(job.out, failures)
    write_manifest(job.out, entries.values())
    scenes = [entry for entry in entries.values() if entry.kind == "scene"]
    dataset = Dataset(
        source=job.source.name,
        options=dict(job.source.options),
        roots={name: str(path.resolve()) for name, path in job.source.roots.items()},
        splits=_count_splits(tables + others),
        counts={
            "scenes": len(scenes),
            "rows": sum(entry.rows for entry in scenes),
            "maps": len(entries) - len(scenes),
            "quarantined": len(failures),
        },
        checksums={"index.parquet": index_crc, MANIFEST_NAME: crc32c_of(job.out / MANIFEST_NAME)},
        lacks=lacks,
        complete=not failures,
    )
    dataset.write(job.out)
    return dataset


def _index_tables(
    job: Job, tasks: list[Task], entries: dict[tuple[str, str], Entry]
) -> tuple[list[pa.Table], dict[str, int]]:
    """Index rows of all finished scenes of this source, and how many scenes lack what."""
    scenes = [task for task in tasks if task.kind == "scene" and (task.kind, task.id) in entries]
    jobs = [(task, stored_path(job.out, task.kind, task.id)) for task in scenes]
    tables: list[pa.Table] = []
    lacks: dict[str, int] = {}
    for (task, _), outcome in job.pool.run(index_task, jobs, _name):
        if isinstance(outcome, Failure):
            raise LeadXbError(f"scene {task.id} was written but cannot be indexed: {outcome.reason}")
        indexed: Indexed = outcome
        tables.append(indexed.table)
        for lack in indexed.lacks:
            lacks[lack] = lacks.get(lack, 0) + 1
    return tables, dict(sorted(lacks.items()))


def _rows_of_other_runs(job: Job, names: set[str], entries: dict[tuple[str, str], Entry]) -> list[pa.Table]:
    """Index rows of scenes that an earlier run with another split= wrote into the same store."""
    if not (job.out / "index.parquet").exists() or not any(
        kind == "scene" and name not in names for kind, name in entries
    ):
        return []
    index = read_index_strictly(job.out)
    keep = pa.array([name not in names for name in index["scene"].to_pylist()])
    return [index.filter(keep)]


def _count_splits(tables: list[pa.Table]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in tables:
        for splits in table["split"].to_pylist():
            for split in splits:
                counts[split] = counts.get(split, 0) + 1
    return dict(sorted(counts.items()))


def _announce(job: Job, tasks: list[Task], done: dict[tuple[str, str], Entry]) -> None:
    job.progress.start(
        tasks=len(tasks),
        native_bytes=sum(task.native_bytes for task in tasks),
        done_tasks=len(done),
        done_bytes=sum(entry.native_bytes for entry in done.values()),
    )


def _require_distinct(tasks: list[Task]) -> None:
    seen: set[tuple[str, str]] = set()
    for task in tasks:
        if (task.kind, task.id) in seen:
            raise LeadXbError(f"two {task.kind}s are called {task.id!r}; rename one, names must be unique in a store")
        seen.add((task.kind, task.id))


def _require_disk(out: Path, todo: list[Task]) -> None:
    needed = int(sum(task.stored_bytes for task in todo) * DISK_MARGIN)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise LeadXbError(
            f"{out}: converting needs about {needed / 1e9:.1f} GB but {free / 1e9:.1f} GB are free; free some space, "
            "or use images=reference where the data set offers it"
        )


_LOCK_NAME = ".lock"


@contextmanager
def _only_writer(out: Path) -> Iterator[None]:
    """Two conversions into one store would overwrite each other's manifest."""
    with (out / _LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LeadXbError(f"another conversion is writing to {out}; wait for it or use another out=") from error
        yield
