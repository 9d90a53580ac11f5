"""The example programs run as their first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lead_xb.adapters.carla.config import CarlaConfig

from ..store.golden_routes import copy_routes
from ..store.running import run

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, *arguments: str) -> str:
    """Standard output of an example in a process of its own."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_look_at_a_store(tmp_path: Path) -> None:
    root = copy_routes(tmp_path / "root")
    run(CarlaConfig(source=root).build(), tmp_path / "store")
    printed = run_example("look_at_a_store.py", str(tmp_path / "store"), "speed_mps > 2 AND row = 1")
    assert "ego at [" in printed
    assert "camera_2: (384, 384, 3)" in printed
    assert "lidar.top: " in printed and "boxes, nearest centre at [" in printed
