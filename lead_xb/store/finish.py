"""The end of a conversion: index, quarantine report, sorted manifest and description, in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.store.atomic import crc32c_of
from lead_xb.store.dataset import Dataset
from lead_xb.store.index import NAME as INDEX_NAME
from lead_xb.store.index import read_index_strictly, write_index
from lead_xb.store.job import Job, Key, key_of, task_name
from lead_xb.store.manifest import NAME as MANIFEST_NAME
from lead_xb.store.manifest import Entry, read_manifest, stored_path, write_manifest
from lead_xb.store.pool import Failure
from lead_xb.store.quarantine import write_quarantine
from lead_xb.store.tasks import Task
from lead_xb.store.work import Indexed, index_task, lacks_task

Entries = dict[Key, Entry]


def finish(job: Job, tasks: Sequence[Task], old: Dataset | None) -> Dataset:
    """Write what describes the store as a whole.

    Args:
        job: the run, its tasks written.
        tasks: all tasks of the source.
        old: description that an earlier run left, if any.

    Returns:
        The description of the store; complete if nothing failed and every scene is in the index.
    """
    job.progress.stage("index")
    entries = {key: entry for key, entry in read_manifest(job.out).items() if key not in job.failures}
    if lost := [task.id for task in tasks if key_of(task) not in entries and key_of(task) not in job.failures]:
        reason = f"lost the line of {lost[0]!r}, which was written"
        raise DataError(job.out / MANIFEST_NAME, reason, advice="check the disk, then run the same command again")
    scenes = [entry for entry in entries.values() if entry.kind == "scene"]
    tables, lacks = _index_tables(job, tasks, entries)
    if old is not None:
        others = [entry for entry in scenes if entry.id not in {task.id for task in tasks}]
        tables += _rows_of_other_runs(job, others)
        lacks += _lacks_of_other_runs(job, others)
    index_crc32c = write_index(job.out, tables)
    failures = [job.failures[key] for key in sorted(job.failures)]
    write_quarantine(job.out, failures)
    write_manifest(job.out, entries.values())
    indexed = sum(table.num_rows for table in tables)
    rows = sum(entry.rows for entry in scenes)
    counts = {"scenes": len(scenes), "rows": rows, "maps": len(entries) - len(scenes), "quarantined": len(failures)}
    dataset = Dataset(
        source=job.source.name,
        options=dict(job.source.options),
        roots=job.roots,
        splits=_count_splits(tables),
        counts=counts,
        checksums={INDEX_NAME: index_crc32c, MANIFEST_NAME: crc32c_of(job.out / MANIFEST_NAME)},
        lacks=dict(sorted(lacks.items())),
        complete=not failures and indexed == rows,
    )
    dataset.write(job.out)
    return dataset


def _index_tables(job: Job, tasks: Sequence[Task], entries: Entries) -> tuple[list[pa.Table], Counter[str]]:
    """Index rows of all finished scenes of this source, and how many scenes lack what."""
    scenes = [task for task in tasks if task.kind == "scene" and key_of(task) in entries]
    jobs = [(task, stored_path(job.out, task.kind, task.id)) for task in scenes]
    tables: list[pa.Table] = []
    lacks: Counter[str] = Counter()
    for (task, _), outcome in job.pool.run(index_task, jobs, task_name):
        if isinstance(outcome, Failure):
            raise LeadXbError(f"scene {task.id} was written but cannot be indexed: {outcome.reason}")
        indexed: Indexed = outcome
        tables.append(indexed.table)
        lacks.update(indexed.lacks)
    return tables, lacks


def _rows_of_other_runs(job: Job, scenes: Sequence[Entry]) -> list[pa.Table]:
    """Index rows of scenes that an earlier run with another split= wrote into the same store."""
    if not scenes or not (job.out / INDEX_NAME).exists():
        return []
    index = read_index_strictly(job.out)
    return [index.filter(pc.is_in(index["scene"], pa.array([entry.id for entry in scenes])))]


def _lacks_of_other_runs(job: Job, scenes: Sequence[Entry]) -> Counter[str]:
    lacks: Counter[str] = Counter()
    for path, outcome in job.pool.run(lacks_task, [entry.path(job.out) for entry in scenes], str):
        if isinstance(outcome, Failure):
            raise LeadXbError(f"{path}: an earlier run wrote it, but it cannot be read now: {outcome.reason}")
        lacks.update(outcome)
    return lacks


def _count_splits(tables: Sequence[pa.Table]) -> dict[str, int]:
    counts = Counter(split for table in tables for splits in table["split"].to_pylist() for split in splits)
    return dict(sorted(counts.items()))
