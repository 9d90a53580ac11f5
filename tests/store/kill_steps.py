"""`python -m tests.store.kill_steps FOLDER SEED`: kill conversions at every operation on the disk, and at random times.

A program of its own, because it forks: each conversion is a child that starts with everything imported.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lead_xb.adapters.carla.config import CarlaConfig

from .faults import KILL, KILLED, Disk, failing
from .golden_routes import copy_routes
from .running import run, snapshot

RANDOM_KILLS = 16


class Kills:
    """Kills conversions of one source and compares what the next run makes of what is left."""

    def __init__(self, folder: Path) -> None:
        self.source = CarlaConfig(source=copy_routes(folder / "native", names=("one", "two"))).build()
        self.out = folder / "store"
        self.steps = folder / "steps"
        started = time.monotonic()
        assert self.convert(Disk(self.out)) == 0
        self.seconds = time.monotonic() - started
        self.reference = snapshot(self.out)

    def convert(self, disk: Disk) -> int:
        """Exit code of a child that converts on this disk; `steps` tells how many operations it took."""
        return os.waitstatus_to_exitcode(os.waitpid(_fork(lambda: self._convert(disk)), 0)[1])

    def at_step(self, step: int) -> str:
        """Kill a fresh conversion at an operation; what is wrong after the next run."""
        shutil.rmtree(self.out, ignore_errors=True)
        if self.convert(Disk(self.out, KILL, step)) != KILLED:
            return f"step {step}: was not killed"
        return self.finish(f"step {step}")

    def after(self, seconds: float) -> None:
        """Kill a conversion, or the continuation of one, after a time."""
        child = _fork(lambda: self._convert(Disk(self.out)))
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    def finish(self, when: str) -> str:
        """Run to the end; what differs from an uninterrupted store."""
        if code := self.convert(Disk(self.out)):
            return f"{when}: the next run ended with {code}"
        found = snapshot(self.out)
        differ = sorted(name for name in {*found, *self.reference} if found.get(name) != self.reference.get(name))
        return f"{when}: {differ} differ" if differ else ""

    def _convert(self, disk: Disk) -> None:
        with failing(disk):
            run(self.source, self.out)
        self.steps.write_text(str(len(disk.operations)))


def _fork(action: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        action()
        os._exit(0)
    finally:
        os._exit(1)


def main(folder: Path, seed: int) -> int:
    """Number of kills after which the store was wrong; each is printed."""
    kills, rng = Kills(folder), random.Random(seed)
    steps = int(kills.steps.read_text())
    wrong = [kills.at_step(step) for step in range(1, steps + 1)]
    for number in range(1, RANDOM_KILLS + 1):
        if number % 4 == 1:
            shutil.rmtree(kills.out)
        kills.after(rng.uniform(0.0, kills.seconds))
        if number % 4 == 0:
            wrong.append(kills.finish(f"{number} random kills with seed {seed}"))
    wrong = list(filter(None, wrong))
    sys.stdout.write("\n".join([*wrong, f"{steps} steps, {RANDOM_KILLS} random kills, {len(wrong)} wrong", ""]))
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
