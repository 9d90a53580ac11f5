"""What runs inside a worker process of the convert engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lead_xb.store.index import index_rows
from lead_xb.store.scene import open_scene
from lead_xb.store.tasks import Task
from lead_xb.store.writer import Written


@dataclass(frozen=True)
class Indexed:
    """Index rows of a scene and what it lacks."""

    table: pa.Table
    lacks: tuple[str, ...]


def write_task(item: tuple[Task, Path]) -> Written:
    """Write one scene or map."""
    task, path = item
    return task.write(path)


def lacks_task(path: Path) -> tuple[str, ...]:
    """What a written scene lacks."""
    return open_scene(path).meta.lacks


def index_task(item: tuple[Task, Path]) -> Indexed:
    """Index one written scene from its own columns."""
    task, path = item
    scene = open_scene(path)
    return Indexed(index_rows(scene, task.splits(scene)), scene.meta.lacks)
