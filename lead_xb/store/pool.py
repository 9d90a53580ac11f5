"""Worker processes: spawned, limited in memory, replaced when they die. Another executor (Ray) can take their place."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Protocol, TypeVar, runtime_checkable

import psutil

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.store.atomic import WriteError
from lead_xb.store.unpickle import limit_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKER_BYTES = 1 << 30
"""Resident memory that a worker is planned with."""

WORKER_LIMIT_BYTES = 4 << 30
"""Memory, beyond that of its start, at which a worker's allocation fails. Memory-mapped files do not count."""

_TICK_S = 0.5
"""Polars restarts system calls that Ctrl-C interrupts, so a wait without an end would not notice it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A task that was not done.

    Attributes:
        id: scene_id or map_id.
        file: the damaged file, where one is known.
        offset: byte offset in it.
        reason: what was found and what was expected.
        advice: what to do.
    """

    id: str
    file: str
    offset: int | None
    reason: str
    advice: str


@runtime_checkable
class Pool(Protocol):
    """Runs a module-level function over items and yields (item, result or Failure) as they end, in any order."""

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item], name: Callable[[Item], str]
    ) -> Iterator[tuple[Item, Result | Failure]]:
        """Every item is yielded once."""


@dataclass(frozen=True)
class LocalPool:
    """Processes on this machine; `workers=None` takes as many as cores and memory allow."""

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and not (isinstance(self.workers, int) and self.workers > 0):
            raise LeadXbError(f"workers={self.workers}; expected a number from 1, or null")

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item], name: Callable[[Item], str]
    ) -> Iterator[tuple[Item, Result | Failure]]:
        """Run in spawned workers. A worker that dies takes nothing with it but the item that killed it.

        Raises:
            WriteError: the disk of the store fails, which the other items would meet as well.
        """
        suspects: list[Item] = []
        yield from _run_together(self._size(len(items)), function, items, name, suspects)
        for item in suspects:
            # Several items were in flight when a worker died: alone, each shows whether it was the cause.
            broken: list[Item] = []
            yield from _run_together(1, function, [item], name, broken)
            if broken:
                yield (
                    item,
                    Failure(
                        id=name(item),
                        file="",
                        offset=None,
                        reason="the worker process died (out of memory or a crash in native code)",
                        advice="check the memory of the machine and the files of this item",
                    ),
                )

    def _size(self, items: int) -> int:
        by_memory = psutil.virtual_memory().available // WORKER_BYTES
        workers = self.workers or min(len(os.sched_getaffinity(0)), by_memory)
        return max(1, min(int(workers), items))


def describe(error: LeadXbError, name: str) -> Failure:
    """An error of a task as a line of the quarantine report."""
    if isinstance(error, DataError):
        return Failure(id=name, file=error.path, offset=error.offset, reason=error.reason, advice=error.advice)
    return Failure(id=name, file="", offset=None, reason=str(error), advice="")


def _run_together(
    workers: int,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    name: Callable[[Item], str],
    suspects: list[Item],
) -> Iterator[tuple[Item, Result | Failure]]:
    """Run items; those that were in flight when a worker died are appended to `suspects`."""
    queue = list(reversed(items))
    while queue:
        with _executor(workers) as pool:
            flying: dict[Future[Result], Item] = {}
            broken = False
            while (queue and not broken) or flying:
                while queue and not broken and len(flying) < 2 * workers:
                    try:
                        future = _submit(pool, function, queue[-1])
                    except BrokenProcessPool:
                        broken = True
                    else:
                        flying[future] = queue.pop()
                done, _ = wait(flying, timeout=_TICK_S, return_when=FIRST_COMPLETED)
                for future in done:
                    item = flying.pop(future)
                    try:
                        yield item, outcome_of(future.result, name(item))
                    except BrokenProcessPool:
                        broken = True
                        suspects.append(item)


@contextmanager
def _executor(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned workers; they are ended at once when the block fails or is interrupted."""
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield pool
    except BaseException:
        for worker in set(active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item) -> Future[Result]:
    """Submit, which may start a worker: it inherits that Ctrl-C is blocked, since the parent ends it."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, item)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def outcome_of(result: Callable[[], Result], name: str) -> Result | Failure:
    """What a task gave, an error of its input included."""
    try:
        return result()
    except WriteError:
        raise
    except LeadXbError as error:
        return describe(error, name)
    except MemoryError:
        return _out_of_memory(name)


def _start_worker() -> None:
    # Libraries reserve address space per core and use little of it, so what is mapped now does not count.
    limit_memory(psutil.Process().memory_info().data + WORKER_LIMIT_BYTES)
    Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A worker whose parent was killed would write beside the run that takes up the work."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _out_of_memory(name: str) -> Failure:
    reason = f"needs more than the {WORKER_LIMIT_BYTES >> 30} GiB that a worker may use"
    return Failure(id=name, file="", offset=None, reason=reason, advice="the file is damaged or hostile")
