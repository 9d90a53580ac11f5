"""How tests run a conversion: in this process, silently, and what they compare afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from lead_xb.store.engine import ConvertReport, convert
from lead_xb.store.pool import Failure, Pool, outcome_of
from lead_xb.store.report import write_result
from lead_xb.store.tasks import Source, Task

Item = TypeVar("Item")
Result = TypeVar("Result")


class InlinePool:
    """A `lead_xb.store.pool.Pool` without processes: the items one after another."""

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item], name: Callable[[Item], str]
    ) -> Iterator[tuple[Item, Result | Failure]]:
        """Run here."""
        for item in items:
            yield item, outcome_of(lambda item=item: function(item), name(item))  # type: ignore[misc]


class Silent:
    """A `lead_xb.store.job.Progress` that says nothing."""

    def start(self, *, tasks: int, native_bytes: int, done_tasks: int, done_bytes: int) -> None:
        """Nothing."""

    def advance(self, task: Task, *, failed: bool) -> None:
        """Nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""


def run(source: Source, out: Path, *, pool: Pool | None = None) -> ConvertReport:
    """Convert as the command line does, `result.json` included."""
    report = convert(source, out, pool=pool or InlinePool(), progress=Silent())
    write_result(out, report)
    return report


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file of a folder by its relative path."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
