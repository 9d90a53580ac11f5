"""Damage 10,000 files and read them: python scripts/fuzz.py [--count N] [--seed N] [--kind KIND]."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    command = [sys.executable, "-m", "tests.fuzz.harness", *sys.argv[1:]]
    sys.exit(subprocess.call(command, cwd=Path(__file__).parents[1]))
