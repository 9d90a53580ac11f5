"""The end of a conversion: index, quarantine report, sorted manifest and description, in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.index import INDEX_SCHEMA
from lead_xb.store.atomic import crc32c_of
from lead_xb.store.dataset import Dataset
from lead_xb.store.index import NAME as INDEX_NAME
from lead_xb.store.index import missing_tokens, read_index_strictly, with_earlier_splits, write_index
from lead_xb.store.job import Job, Key, key_of, task_name
from lead_xb.store.manifest import NAME as MANIFEST_NAME
from lead_xb.store.manifest import Entry, read_manifest, stored_path, write_manifest
from lead_xb.store.pool import Failure
from lead_xb.store.quarantine import failures_of_other_runs, write_quarantine
from lead_xb.store.tasks import Task
from lead_xb.store.work import Indexed, index_task, lacks_task

Entries = dict[Key, Entry]


@dataclass(frozen=True)
class Finished:
    """The description of a store, and the tokens that were asked for but are not in it, by split."""

    dataset: Dataset
    missing: dict[str, list[str]]


def finish(job: Job, tasks: Sequence[Task], old: Dataset | None) -> Finished:
    """Write what describes the store as a whole.

    Args:
        job: the run, its tasks written.
        tasks: all tasks of the source.
        old: description that an earlier run left, if any.

    Returns:
        The description, complete if nothing failed and every scene is in the index.
    """
    job.progress.stage("index")
    entries = {key: entry for key, entry in read_manifest(job.out).items() if key not in job.failures}
    if lost := [task.id for task in tasks if key_of(task) not in entries and key_of(task) not in job.failures]:
        reason = f"lost the line of {lost[0]!r}, which was written"
        raise DataError(job.out / MANIFEST_NAME, reason, advice="check the disk, then run the same command again")
    scenes = [entry for entry in entries.values() if entry.kind == "scene"]
    index, lacks = _whole_index(job, tasks, entries, old)
    missing = missing_tokens(index, job.source.requested)
    index_crc32c = write_index(job.out, index)
    failures = [job.failures[key] for key in sorted(job.failures)]
    failures += failures_of_other_runs(job.out, {task.id for task in tasks})
    failures.sort(key=lambda failure: failure.id)
    write_quarantine(job.out, failures)
    write_manifest(job.out, entries.values())
    rows = sum(entry.rows for entry in scenes)
    counts = {"scenes": len(scenes), "rows": rows, "maps": len(entries) - len(scenes), "quarantined": len(failures)}
    dataset = Dataset(
        source=job.source.name,
        options=dict(job.source.options),
        roots={**(old.roots if old else {}), **job.roots},
        splits=_count_splits(index),
        counts=counts,
        checksums={INDEX_NAME: index_crc32c, MANIFEST_NAME: crc32c_of(job.out / MANIFEST_NAME)},
        lacks=dict(sorted(lacks.items())),
        missing={name: len(tokens) for name, tokens in missing.items()},
        complete=not failures and index.num_rows == rows,
    )
    dataset.write(job.out)
    return Finished(dataset, missing)


def _whole_index(
    job: Job, tasks: Sequence[Task], entries: Entries, old: Dataset | None
) -> tuple[pa.Table, Counter[str]]:
    """Index rows of all scenes of the store, and how many scenes lack what."""
    tables, lacks = _index_tables(job, tasks, entries)
    index = pa.concat_tables(tables) if tables else INDEX_SCHEMA.empty_table()
    if old is None:
        return index, lacks
    ours = {task.id for task in tasks}
    others = [entry for entry in entries.values() if entry.kind == "scene" and entry.id not in ours]
    lacks += _lacks_of_other_runs(job, others)
    if not (job.out / INDEX_NAME).exists():
        return index, lacks
    earlier = read_index_strictly(job.out)
    redefined = {*_count_splits(index), *job.source.requested}
    merged = with_earlier_splits(index, earlier, redefined)
    kept = earlier.filter(pc.is_in(earlier["scene"], pa.array([entry.id for entry in others], pa.string())))
    return pa.concat_tables([merged, kept]), lacks


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
        lacks.update(_in_short(indexed.lacks))
    return tables, lacks


def _lacks_of_other_runs(job: Job, scenes: Sequence[Entry]) -> Counter[str]:
    lacks: Counter[str] = Counter()
    for path, outcome in job.pool.run(lacks_task, [entry.path(job.out) for entry in scenes], str):
        if isinstance(outcome, Failure):
            raise LeadXbError(f"{path}: an earlier run wrote it, but it cannot be read now: {outcome.reason}")
        lacks.update(_in_short(outcome))
    return lacks


def _count_splits(index: pa.Table) -> dict[str, int]:
    counts = pc.value_counts(pc.list_flatten(index["split"])).to_pylist()
    return dict(sorted((item["values"], item["counts"]) for item in counts))


def _in_short(lacks: Sequence[str]) -> set[str]:
    """`CAM_F0` for `CAM_F0: 13 of 15 files missing`: the scene tells the rest."""
    return {lack.partition(":")[0] for lack in lacks}
