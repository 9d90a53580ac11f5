"""`python -m tests.fuzz.harness --count 10000`: damaged files against worker processes that may crash or hang."""

from __future__ import annotations

import argparse
import json
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from queue import SimpleQueue

from ..store.golden_routes import ROOT
from .catalogue import KINDS
from .kinds import Outcome

HANG_S = 60.0
Case = tuple[str, int]
"""Kind and seed."""


@dataclass
class Tally:
    """Outcomes by kind, and the failures as (kind, seed, what happened)."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in KINDS})
    failures: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, case: Case, outcome: str, detail: str) -> None:
        """Count one case."""
        self.outcomes[case[0]][outcome] += 1
        if outcome == Outcome.WRONG:
            self.failures.append((*case, detail))

    def table(self) -> str:
        """A line for each kind, a sum, and a way to see each failure again."""
        columns = list(Outcome)
        lines = [f"{'kind':20}" + "".join(f"{column:>10}" for column in columns)]
        used = {name: counts for name, counts in self.outcomes.items() if counts}
        for name, counts in {**used, "all": sum(used.values(), Counter())}.items():
            lines.append(f"{name:20}" + "".join(f"{counts[column]:10}" for column in columns))
        for kind, seed, detail in sorted(self.failures):
            lines.append(f"\npython scripts/fuzz.py --kind '{kind}' --seed {seed} --count 1\n{detail.rstrip()}")
        return "\n".join(lines)


class Worker:
    """A process that tries cases; the next case starts another one if it died or hung."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._started = 0

    def ask(self, case: Case) -> tuple[str, str]:
        """Outcome and detail; a crash and a hang are wrong."""
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        kind, seed = case
        process.stdin.write(f"{seed} {kind}\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(HANG_S) else ""
        if line:
            outcome, detail = json.loads(line)
            return outcome, detail
        return Outcome.WRONG, self._bury(process)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._bury(self._process)

    def _start(self) -> subprocess.Popen[str]:
        self._started += 1
        folder = self._folder / str(self._started)
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "tests.fuzz.worker", str(folder)]
        pipe = subprocess.PIPE
        with self._errors().open("wb") as errors:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=errors, text=True)
        return self._process

    def _errors(self) -> Path:
        return self._folder / f"{self._started}.txt"

    def _bury(self, process: subprocess.Popen[str]) -> str:
        try:
            code: int | None = process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            code = None
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None
        if code is None:
            return f"the process hung for {HANG_S:.0f} s"
        return f"the process ended with {code}\n{self._errors().read_text(errors='replace')[-2000:]}"


@contextmanager
def workers(folder: Path, count: int) -> Iterator[list[Worker]]:
    """Some workers, ended afterwards."""
    started = [Worker(folder / f"worker{number}") for number in range(count)]
    try:
        yield started
    finally:
        for worker in started:
            worker.close()


def fuzz(cases: Iterable[Case], folder: Path, *, processes: int = 2) -> Tally:
    """Try all cases; a worker takes all of one kind, since it has to make the kind first."""
    waiting: SimpleQueue[list[Case] | None] = SimpleQueue()
    for _, share in groupby(sorted(cases), key=itemgetter(0)):
        waiting.put(list(share))
    for _ in range(processes):
        waiting.put(None)
    tally = Tally()

    def work(worker: Worker) -> None:
        while (share := waiting.get()) is not None:
            for case in share:
                tally.add(case, *worker.ask(case))

    with workers(folder, processes) as started, ThreadPoolExecutor(processes) as threads:
        list(threads.map(work, started))
    return tally


def cases_of(kinds: Iterable[str], *, count: int, seed: int) -> list[Case]:
    """`count` cases spread evenly over the kinds, with seeds from `seed` on."""
    names = list(kinds)
    return sorted((names[number % len(names)], seed + number // len(names)) for number in range(count))


def main() -> int:
    """The script: prints a table, 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="damaged files over all kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this kind; may be repeated")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = fuzz(cases_of(options.kind or KINDS, count=options.count, seed=options.seed), Path(folder))
    sys.stdout.write(f"{tally.table()}\n{options.count} in {time.monotonic() - started:.0f} s\n")
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
