"""`python -m tests.fuzz.worker FOLDER`: reads `seed kind` lines, answers each with a JSON line. It may die of them.

An exception that is not an error for users ends the process with its traceback, like a crash.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import TextIO

import psutil

from lead_xb.store.pool import WORKER_LIMIT_BYTES
from lead_xb.store.unpickle import limit_memory

from .catalogue import KINDS
from .kinds import Kind, Outcome


def serve(folder: Path, answers: TextIO) -> None:
    """Answer line after line."""
    made: dict[str, Kind] = {}
    for line in sys.stdin:
        limit_memory(psutil.Process().memory_info().vms + WORKER_LIMIT_BYTES)
        seed, name = line.rstrip("\n").split(" ", 1)
        if name not in made:
            place = folder / name.replace(" ", "_")
            place.mkdir()
            made[name] = KINDS[name](place)
        try:
            outcome, detail = made[name].try_one(random.Random(f"{name}/{seed}"))
        except MemoryError:  # what a pool reports as a failure of the file
            outcome, detail = Outcome.MEMORY, ""
        answers.write(json.dumps([outcome, detail]) + "\n")
        answers.flush()


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    serve(Path(sys.argv[1]), answers)
