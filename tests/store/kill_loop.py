"""`python -m tests.store.kill_loop --kills 200`: `lead-xb convert` meets `kill -9` at random moments, then goes on.

Three victims in turn: the process group, the parent alone (its workers must not write on), and one worker.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .golden_routes import ROOT, copy_routes
from .running import snapshot

VICTIMS = ("group", "parent", "worker")
KILLS_PER_STORE = 5
ROUTES = ("one", "two", "three", "four", "five", "six")


@dataclass
class Loop:
    """Kills conversions of one source.

    Attributes:
        folder: where everything lies.
        rng: when to kill.
        seconds: what an uninterrupted run takes.
        reference: what it writes.
        killed: kills by victim.
    """

    folder: Path
    rng: random.Random
    seconds: float = 0.0
    reference: dict[str, bytes] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)

    @property
    def out(self) -> Path:
        """The store."""
        return self.folder / "store"

    def prepare(self, frames: int) -> None:
        """Make the source and the store that an uninterrupted run writes."""
        copy_routes(self.folder / "native", frames=frames, names=ROUTES)
        started = time.monotonic()
        assert self.start().wait() == 0
        self.seconds = time.monotonic() - started
        self.reference = snapshot(self.out)

    def start(self) -> subprocess.Popen[bytes]:
        """`lead-xb convert` in a process group of its own."""
        command = [sys.executable, "-m", "lead_xb.cli", "convert", "dataset=carla", "workers=2"]
        places = [f"source={self.folder / 'native'}", f"out={self.out}"]
        quiet = subprocess.DEVNULL
        return subprocess.Popen([*command, *places], cwd=ROOT, stdout=quiet, stderr=quiet, start_new_session=True)

    def kill(self, victim: str) -> bool:
        """Start a run, or go on with one, and kill at a random moment; False if it had ended before."""
        process = self.start()
        time.sleep(self.rng.uniform(0.2, self.seconds))
        if process.poll() is not None:
            return False
        if victim == "worker":
            self._kill_worker(process)
        else:
            os.kill(-process.pid if victim == "group" else process.pid, signal.SIGKILL)
            self.killed[victim] += 1
        return process.wait() != 0

    def _kill_worker(self, process: subprocess.Popen[bytes]) -> None:
        children = psutil.Process(process.pid).children()
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        if workers:
            self.rng.choice(workers).kill()
            self.killed["worker"] += 1

    def finish(self) -> list[str]:
        """Run to the end; files that differ from an uninterrupted run's."""
        code = self.start().wait()
        found = snapshot(self.out)
        differ = [name for name in {*found, *self.reference} if found.get(name) != self.reference.get(name)]
        return sorted(differ) + ([f"exit code {code}"] if code else [])


def kill_loop(folder: Path, *, kills: int, seed: int, frames: int = 3) -> tuple[Counter[str], list[str]]:
    """Kill that often; kills by victim, and what was wrong afterwards."""
    loop = Loop(folder, random.Random(seed))
    loop.prepare(frames)
    wrong: list[str] = []
    while loop.killed.total() < kills:
        shutil.rmtree(loop.out)
        last = min(kills, loop.killed.total() + KILLS_PER_STORE)
        while loop.killed.total() < last and loop.kill(VICTIMS[loop.killed.total() % len(VICTIMS)]):
            pass
        wrong += [f"after {loop.killed.total()} kills with seed {seed}: {name}" for name in loop.finish()]
    return loop.killed, wrong


def main() -> int:
    """The script: prints a table, 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=12, help="frames of each route: how long a run takes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        killed, wrong = kill_loop(Path(folder), kills=options.kills, seed=options.seed, frames=options.frames)
    lines = [*wrong, *(f"{victim:8} {killed[victim]:4} kills" for victim in VICTIMS), f"{len(wrong)} differences"]
    sys.stdout.write("\n".join([*lines, ""]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
