"""A native data set of one-line files, so that the engine's own behaviour is tested in milliseconds.

`a.scene` and `b.map` become a scene and a map. The line says what converting it does: `rows 2`, `damaged`,
`killed` (the worker process gets SIGKILL), `killed once`, `hungry` (MemoryError), `bug` (an exception of no error
class of ours).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely

from lead_xb.schemas.errors import DataError
from lead_xb.schemas.map import Layer
from lead_xb.schemas.rig import Rig
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.map_file import MapMeta, write_map
from lead_xb.store.scene import Scene
from lead_xb.store.tasks import Task
from lead_xb.store.writer import Row, Written, write_rows

NO_SENSORS = Rig(source_from_ego=tuple(tuple(float(i == j) for j in range(4)) for i in range(4)))


@dataclass(frozen=True)
class ToyTask:
    """Converts one file; a `lead_xb.store.tasks.Task`."""

    file: Path
    split: str = "even"

    @property
    def kind(self) -> str:
        """`scene` or `map`: the file's extension."""
        return self.file.suffix[1:]

    @property
    def id(self) -> str:
        """The file's stem."""
        return self.file.stem

    @property
    def native_bytes(self) -> int:
        """Size of the file."""
        return self.file.stat().st_size

    @property
    def stored_bytes(self) -> int:
        """As large as any toy gets."""
        return 100_000

    def write(self, path: Path) -> Written:
        """Do what the line says."""
        match self.file.read_text().split():
            case ["rows", count]:
                return self._write_map(path) if self.kind == "map" else self._write_scene(path, int(count))
            case ["damaged"]:
                raise DataError(self.file, "is damaged", offset=3, advice="write it again")
            case ["killed", *once]:
                if once:
                    self.file.write_text("rows 0001 ")  # as many bytes as `killed once`
                path.with_name(f"{path.name}.partial").write_bytes(b"half a scene")
                os.kill(os.getpid(), signal.SIGKILL)
            case ["hungry"]:
                raise MemoryError
        raise ValueError(f"{self.file} says nothing that a toy does")

    def splits(self, scene: Scene) -> list[list[str]]:
        """Every other row is in the split."""
        return [[self.split] if row % 2 == 0 else [] for row in range(len(scene))]

    def _write_scene(self, path: Path, rows: int) -> Written:
        meta = SceneMeta(
            scene_id=self.id,
            source="toy",
            location="toyland",
            map_id=MAP.map_id if self.id.startswith("mapped") else None,
            folder="toys",
            rig=NO_SENSORS,
            lacks=("sensors",) if self.id.startswith("blind") else (),
        )
        return write_rows(path, meta, ((_row(self.id, row), None) for row in range(rows)))

    def _write_map(self, path: Path) -> Written:
        lane = {"id": "1", "layer": Layer.LANE.value, "native_layer": "lanes", "native_row": 0}
        return write_map(path, MAP, [{**lane, "geometry": shapely.to_wkb(shapely.box(0, 0, 4, 2))}])


MAP = MapMeta(map_id="toy-land-1", source="toy", location="toyland", map_version="1", crs=None)


@dataclass(frozen=True)
class ToySource:
    """All toy files of a folder; a `lead_xb.store.tasks.Source`."""

    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    requested: Mapping[str, Collection[str]] = field(default_factory=dict)
    split: str = "even"

    @property
    def name(self) -> str:
        """Adapter name."""
        return "toy"

    @property
    def roots(self) -> Mapping[str, Path]:
        """Toys refer to nothing."""
        return {}

    def tasks(self) -> Sequence[Task]:
        """One task a file."""
        return [ToyTask(path, self.split) for path in sorted(self.folder.iterdir())]


def toys(folder: Path, **lines: str) -> ToySource:
    """Write toy scenes, `name="rows 2"`; a name `toy_land_1` becomes the map."""
    folder.mkdir(exist_ok=True)
    for name, line in lines.items():
        file = "toy-land-1.map" if name == "toy_land_1" else f"{name}.scene"
        (folder / file).write_text(line)
    return ToySource(folder)


def _row(scene: str, row: int) -> Row:
    return {
        "frame.token": f"{scene}-{row}",
        "frame.timestamp_us": row * 250_000,
        "frame.is_key": True,
        "frame.kind": "recorded",
        "frame.source_index": row,
    }
