"""One call of the convert engine: what it was asked, and what it has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from lead_xb.store.manifest import Entry
from lead_xb.store.pool import Failure, Pool
from lead_xb.store.tasks import Source, Task

Key = tuple[str, str]
"""(kind, id): what the manifest and the tasks share."""


@runtime_checkable
class Progress(Protocol):
    """What the engine tells while it works; the command line shows a bar, a script may pass its own."""

    def start(self, *, tasks: int, native_bytes: int, done_tasks: int, done_bytes: int) -> None:
        """The plan is made; some of it may be done already."""

    def advance(self, task: Task, *, failed: bool) -> None:
        """One task has ended."""

    def stage(self, text: str) -> None:
        """A new stage begins."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of the engine.

    Attributes:
        source: what is converted.
        out: folder of the store.
        pool: where tasks run.
        progress: who is told.
        written: files written so far.
        failures: tasks that could not be done so far.
    """

    source: Source
    out: Path
    pool: Pool
    progress: Progress
    written: list[Entry] = field(default_factory=list)
    failures: dict[Key, Failure] = field(default_factory=dict)

    @property
    def roots(self) -> dict[str, str]:
        """root_id -> absolute folder, as `dataset.json` keeps it."""
        return {name: str(path.resolve()) for name, path in self.source.roots.items()}


def key_of(task: Task) -> Key:
    """The key of a task."""
    return (task.kind, task.id)


def task_name(item: tuple[Task, Path]) -> str:
    """How a failure calls a task."""
    return item[0].id
