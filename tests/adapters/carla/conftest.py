"""A LEAD root with one short route, cut from the recording, that a test may damage as it likes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "lead-expert-logs"
FRAMES = 3


@pytest.fixture
def route(tmp_path: Path) -> Path:
    """`root/data/<Scenario>/<route>` with the first frames of the first recorded route."""
    native = sorted((GOLDEN / "carla_leaderboard2" / "data").glob("*/*"))[0]
    target = tmp_path / "root" / "data" / native.parent.name / native.name
    for path in sorted(native.rglob("*")):
        if path.is_file() and (path.name == "results.json" or int(path.stem) < FRAMES):
            copy = target / path.relative_to(native)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return target


@pytest.fixture
def root(route: Path) -> Path:
    """The LEAD root that holds `route`."""
    return route.parents[2]
