"""The convert engine: any adapter's tasks, in worker processes, resumable, the same bytes however it runs.

A task's file appears whole or not at all, its manifest line comes after it, and `dataset.json` and the index come
last. So a run that is killed at any instant loses at most the tasks that were in flight.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lead_xb.schemas.errors import LeadXbError
from lead_xb.schemas.scene import sensor_columns
from lead_xb.store.atomic import PARTIAL_SUFFIX, crc32c_of
from lead_xb.store.dataset import NAME as DATASET_NAME
from lead_xb.store.dataset import Dataset, read_dataset
from lead_xb.store.finish import finish
from lead_xb.store.index import NAME as INDEX_NAME
from lead_xb.store.job import Job, Key, Progress, key_of, task_name
from lead_xb.store.manifest import Entry, append_entry, read_manifest, stored_path
from lead_xb.store.payload import resolve
from lead_xb.store.pool import Failure, Pool
from lead_xb.store.scene import open_scene
from lead_xb.store.tasks import Source, Task
from lead_xb.store.work import write_task
from lead_xb.store.writer import Written

DISK_MARGIN = 1.05
_LOCK_NAME = ".lock"


@dataclass(frozen=True, kw_only=True)
class ConvertReport:
    """What a conversion did.

    Attributes:
        written: files written in this run.
        kept: files that an earlier run had finished.
        failures: what was not converted and why.
        missing: split -> tokens that were asked for but are not in the store.
        dataset: the store as it is now.
    """

    written: tuple[Entry, ...]
    kept: int
    failures: tuple[Failure, ...]
    missing: Mapping[str, list[str]]
    dataset: Dataset


def convert(source: Source, out: Path, *, pool: Pool, progress: Progress) -> ConvertReport:
    """Convert all tasks of a source into a store, or finish what an earlier run began.

    Raises:
        LeadXbError: nothing to convert, not enough disk, or the store was made with other options.
        WriteError: the disk of the store fails; the same call goes on later.
    """
    try:
        return _convert(Job(source=source, out=out, pool=pool, progress=progress))
    except OSError as error:
        reason = error.strerror or str(error)
        raise LeadXbError(f"{error.filename or out}: {reason}; mend that and run the same command again") from error


def _convert(job: Job) -> ConvertReport:
    tasks = list(job.source.tasks())
    if not tasks:
        raise LeadXbError(f"the {job.source.name} source holds nothing to convert; check source= and split=")
    _require_distinct(tasks)
    job.out.mkdir(parents=True, exist_ok=True)
    with _only_writer(job.out):
        old = _earlier_run(job)
        _require_roots_of_others(job, tasks, old)
        _remove_partials(job.out)
        done = _finished(job, tasks)
        todo = [task for task in tasks if key_of(task) not in done]
        _require_disk(job.out, todo)
        _begin(job, old)
        _announce(job, tasks, done)
        _write_all(job, todo)
        _remove_partials(job.out)
        finished = finish(job, tasks, old)
    return ConvertReport(
        written=tuple(job.written),
        kept=len(done),
        failures=tuple(job.failures.values()),
        missing=finished.missing,
        dataset=finished.dataset,
    )


def _earlier_run(job: Job) -> Dataset | None:
    """What an earlier run says of the store; refuses a folder of other files and to mix options."""
    if not (job.out / DATASET_NAME).exists():
        own = (_LOCK_NAME, f"{DATASET_NAME}{PARTIAL_SUFFIX}")
        if strangers := sorted(path.name for path in job.out.iterdir() if path.name not in own):
            raise LeadXbError(f"{job.out} holds other files ({strangers[0]} ...); give a new or empty folder as out=")
        return None
    old = read_dataset(job.out)
    options = dict(job.source.options)
    if (old.source, dict(old.options)) != (job.source.name, options):
        raise LeadXbError(
            f"{job.out} was made with source {old.source} and options {dict(old.options)}, now asked for is "
            f"{job.source.name} with {options}; use another out= or the same options"
        )
    return old


def _require_roots_of_others(job: Job, tasks: list[Task], old: Dataset | None) -> None:
    """Scenes of other runs refer to the same root ids: a root may only move to where their files are as well."""
    moved = [name for name, folder in job.roots.items() if old is not None and old.roots.get(name, folder) != folder]
    if not moved:
        return
    ours = {key_of(task) for task in tasks}
    for entry in read_manifest(job.out).values():
        path = entry.path(job.out)
        if entry.kind == "scene" and entry.key not in ours and path.is_file() and not _finds_references(job, path):
            raise LeadXbError(
                f"{job.out}: scene {entry.id!r} of an earlier run refers to files of the root {moved[0]!r} that do not "
                f"lie in {job.roots[moved[0]]}; convert from the folder that holds both, or use another out="
            )


def _begin(job: Job, old: Dataset | None) -> None:
    """Mark the store as incomplete. The index of an earlier run stays readable until the new one is there."""
    if old is None:
        begun = Dataset(source=job.source.name, options=dict(job.source.options), roots=job.roots)
    else:
        index = {name: crc for name, crc in old.checksums.items() if name == INDEX_NAME}
        begun = replace(old, roots={**old.roots, **job.roots}, checksums=index, complete=False)
    begun.write(job.out)


def _remove_partials(out: Path) -> None:
    """What killed runs and killed workers leave behind."""
    for partial in out.rglob(f"*{PARTIAL_SUFFIX}"):
        partial.unlink()


def _finished(job: Job, tasks: list[Task]) -> dict[Key, Entry]:
    """Entries of an earlier run whose file is still the one that was written, from natives of the same size."""
    entries = read_manifest(job.out)
    done = {}
    for task in tasks:
        entry = entries.get(key_of(task))
        if entry is not None and entry.native_bytes == task.native_bytes and _is_whole(job, entry):
            done[entry.key] = entry
    return done


def _is_whole(job: Job, entry: Entry) -> bool:
    path = entry.path(job.out)
    try:
        whole = path.is_file() and path.stat().st_size == entry.bytes and crc32c_of(path) == entry.crc32c
    except OSError:
        return False  # a file that the disk does not give back is written again
    return whole and (not job.source.roots or entry.kind == "map" or _finds_references(job, path))


def _finds_references(job: Job, path: Path) -> bool:
    """False if the source was given by another folder now, to which the references of the scene do not fit."""
    scene = open_scene(path)
    sensors = sensor_columns(scene.meta.rig)
    cells = (frame[column] for frame in scene for column in sensors)
    first = next((cell["reference"] for cell in cells if cell is not None and cell["reference"] is not None), None)
    return first is None or resolve(first, job.source.roots).is_file()


def _write_all(job: Job, todo: list[Task]) -> None:
    jobs = [(task, stored_path(job.out, task.kind, task.id)) for task in todo]
    for folder in {path.parent for _, path in jobs}:
        folder.mkdir(exist_ok=True)
    for (task, path), outcome in job.pool.run(write_task, jobs, task_name):
        if isinstance(outcome, Failure):
            job.failures[key_of(task)] = outcome
            path.unlink(missing_ok=True)  # an earlier run made it from natives that have changed
        else:
            entry = _entry(task, outcome)
            append_entry(job.out, entry)
            job.written.append(entry)
        job.progress.advance(task, failed=isinstance(outcome, Failure))


def _entry(task: Task, written: Written) -> Entry:
    return Entry(
        kind=task.kind,
        id=task.id,
        rows=written.rows,
        bytes=written.bytes,
        crc32c=written.crc32c,
        native_bytes=task.native_bytes,
    )


def _announce(job: Job, tasks: list[Task], done: dict[Key, Entry]) -> None:
    job.progress.start(
        tasks=len(tasks),
        native_bytes=sum(task.native_bytes for task in tasks),
        done_tasks=len(done),
        done_bytes=sum(entry.native_bytes for entry in done.values()),
    )


def _require_distinct(tasks: list[Task]) -> None:
    seen: set[Key] = set()
    for task in tasks:
        if key_of(task) in seen:
            raise LeadXbError(f"two {task.kind}s are called {task.id!r}; rename one, names must be unique in a store")
        seen.add(key_of(task))


def _require_disk(out: Path, todo: list[Task]) -> None:
    needed = int(sum(task.stored_bytes for task in todo) * DISK_MARGIN)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise LeadXbError(
            f"{out}: converting needs about {needed / 1e9:.1f} GB but {free / 1e9:.1f} GB are free; free some space, "
            "or use images=reference where the data set offers it"
        )


@contextmanager
def _only_writer(out: Path) -> Iterator[None]:
    """Two conversions into one store would overwrite each other's manifest."""
    with (out / _LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LeadXbError(f"another conversion is writing to {out}; wait for it or use another out=") from error
        yield
