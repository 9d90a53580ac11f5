"""Progress of a conversion on a terminal: tasks, native bytes, rate and ETA."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from lead_xb.store.tasks import Task


class RichProgress:
    """The engine's `Progress` as a bar; on a pipe it prints one line at the start and at each stage."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bytes = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._tasks = self._done = self._failed = 0

    def __enter__(self) -> RichProgress:
        self._bytes.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bytes.stop()

    def start(self, *, tasks: int, native_bytes: int, done_tasks: int, done_bytes: int) -> None:
        """Show the plan."""
        self._tasks, self._done = tasks, done_tasks
        kept = f", {done_tasks} already done" if done_tasks else ""
        self._console.print(f"{tasks} files to write from {native_bytes / 1e6:,.1f} MB{kept}", markup=False)
        self._bar = self._bytes.add_task(self._label(), total=native_bytes, completed=done_bytes)

    def advance(self, task: Task, *, failed: bool) -> None:
        """Move the bar by the task's native bytes."""
        self._done += 1
        self._failed += failed
        if self._bar is not None:
            self._bytes.update(self._bar, advance=task.native_bytes, description=self._label())

    def stage(self, text: str) -> None:
        """Name the stage."""
        self._console.print(f"{text} ...", markup=False)

    def _label(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._done}/{self._tasks} files{failed}"
