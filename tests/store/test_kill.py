"""`kill -9` at any moment of a conversion: the next run gives the bytes of an uninterrupted one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .golden_routes import ROOT
from .kill_loop import kill_loop


@pytest.mark.slow
def test_killed_at_every_step_and_at_random_times_inside_the_engine(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.store.kill_steps", str(tmp_path), "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" steps, 16 random kills, 0 wrong\n")


@pytest.mark.slow
def test_kill_loop_on_the_command_line(tmp_path: Path) -> None:
    killed, wrong = kill_loop(tmp_path, kills=4, seed=0)
    assert wrong == []
    assert killed == {"group": 2, "parent": 1, "worker": 1}
