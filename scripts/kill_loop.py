"""Kill `lead-xb convert` 200 times and compare the stores: python scripts/kill_loop.py [--kills N] [--seed N]."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    command = [sys.executable, "-m", "tests.store.kill_loop", *sys.argv[1:]]
    sys.exit(subprocess.call(command, cwd=Path(__file__).parents[1]))
