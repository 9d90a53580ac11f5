"""Copies of the golden LEAD routes, cut to a few frames so that a conversion takes milliseconds."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/lead-expert-logs/carla_leaderboard2"
SCENARIO = "ParkedObstacle"
FLAT, SLOPE = "Town10HD_Rep0_synth_seed11", "Town10HD_Rep0_slope_seed12"


def copy_routes(root: Path, *, frames: int = 2, names: tuple[str, ...] = ("one", "two")) -> Path:
    """A LEAD data root with routes of these names, flat and slope in turn; returns the root."""
    for number, name in enumerate(names):
        native = GOLDEN / "data" / SCENARIO / (SLOPE if number % 2 else FLAT)
        copy_route(native, root / "data" / SCENARIO / name, frames=frames)
    return root


def copy_route(native: Path, route: Path, *, frames: int) -> None:
    """The first frames of a route and its results."""
    for folder in sorted(path for path in native.iterdir() if path.is_dir()):
        (route / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:frames]:
            shutil.copyfile(file, route / folder.name / file.name)
    shutil.copyfile(native / "results.json", route / "results.json")
