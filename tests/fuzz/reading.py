"""Read all that a store gives, by every way there is, and make one digest of it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import shapely

from lead_xb.schemas.boxes import BOX_FIELDS
from lead_xb.schemas.errors import LeadXbError
from lead_xb.schemas.map import MAP_COLUMNS, Layer
from lead_xb.schemas.sensors import IMAGE_GROUPS, POINT_GROUPS, group_of
from lead_xb.store.check import check_store
from lead_xb.store.frame import Frame
from lead_xb.store.maps import Element, Lane, Map, RoadBlock
from lead_xb.store.scene import Scene
from lead_xb.store.standins import Standin
from lead_xb.store.store import SceneStore, open_store

T = TypeVar("T")


class Reader:
    """Collects what was read; errors for users are counted, all others are bugs and go up.

    Attributes:
        refused: the errors.
        problems: what `check` has found.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.refused: list[str] = []
        self.problems: list[str] = []

    @property
    def digest(self) -> str:
        """Equal for equal content, type and bits."""
        return self._hash.hexdigest()

    def take(self, action: Callable[[], T]) -> T | None:
        """Do it and digest what it gives; None if it is refused."""
        try:
            value = action()
        except LeadXbError as error:
            self.refused.append(str(error))
            return None
        self._feed(value)
        return value

    def _feed(self, value: Any) -> None:
        self._hash.update(type(value).__name__.encode())
        if isinstance(value, np.ndarray):
            self._hash.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
        elif isinstance(value, bytes | memoryview):
            self._hash.update(len(value).to_bytes(8, "little") + value)
        elif isinstance(value, pa.Array):
            self._feed(value.to_pylist())
        elif isinstance(value, Mapping):
            self._feed(list(value.items()))
        elif isinstance(value, list | tuple | Set):
            self._hash.update(len(value).to_bytes(8, "little"))
            for item in value:
                self._feed(item)
        elif isinstance(value, shapely.Geometry):
            self._feed(shapely.to_wkb(value))
        elif isinstance(value, Standin):
            self._feed([value.qualified_name, value.args, value.kwargs, value.state, value.slots])
        elif isinstance(value, SceneStore | Scene | Frame | Map):
            pass  # their content is taken piece by piece
        elif dataclasses.is_dataclass(value):
            self._feed([getattr(value, field.name) for field in dataclasses.fields(value)])
        else:
            self._hash.update(repr(value).encode("utf-8", "surrogatepass"))


def read_store(root: Path, *, strict: bool) -> Reader:
    """Open a store and read everything."""
    reader = Reader()
    store = reader.take(lambda: open_store(root, strict=strict))
    entries = None if store is None else reader.take(lambda: store.entries)
    if store is None or entries is None:
        return reader
    reader.take(lambda: store.dataset)
    reader.take(lambda: store.index.collect().rows())
    for kind, name in entries:
        if kind == "map":
            read_map(reader, lambda name=name: store.map(name))  # type: ignore[misc]
        else:
            read_scene(reader, lambda name=name: store.scene(name))  # type: ignore[misc]
    reader.problems = [problem.what for _, found in check_store(store) for problem in found]
    return reader


def read_scene(reader: Reader, open_scene: Callable[[], Scene]) -> None:
    """Metadata and every frame of a scene."""
    scene = reader.take(open_scene)
    if scene is None:
        return
    reader.take(lambda: [dataclasses.asdict(scene.meta), len(scene)])
    for frame in scene:
        read_frame(reader, frame)


def read_frame(reader: Reader, frame: Frame) -> None:
    """Every cell, raw and by each of the accessors that understand it."""
    reader.take(lambda: [frame.token, frame.timestamp_us, frame.world_from_ego, frame.rig])
    reader.take(frame.extra)
    for column in frame.columns():
        reader.take(lambda column=column: frame[column])  # type: ignore[misc]
        _read_sensor(reader, frame, column)
    boxes = reader.take(lambda: frame.boxes)
    if boxes is not None:
        reader.take(lambda: [boxes.center, boxes.size, boxes.yaw, boxes.category])
        reader.take(lambda: [boxes.table.field(name).to_pylist() for name in boxes.table.type.names])
        reader.take(lambda: [boxes.column(f.name) for f in BOX_FIELDS if pa.types.is_floating(f.type)])
    rig = reader.take(lambda: frame.rig)
    for camera in () if rig is None else (camera for camera in rig.cameras if camera.crops):
        for view in (None, *(view.name for view in rig.views)) if rig is not None else ():
            reader.take(lambda camera=camera, view=view: frame.image(camera.name, view=view))  # type: ignore[misc]


def _read_sensor(reader: Reader, frame: Frame, column: str) -> None:
    group = group_of(column)
    if group in POINT_GROUPS:
        reader.take(lambda: frame.native_points(column))
        reader.take(lambda: frame.points(column))
    elif group in IMAGE_GROUPS:
        reader.take(lambda: frame.payload(column))
        if group == "depth":
            reader.take(lambda: frame.depth(column))
        elif group != "image":
            reader.take(lambda: frame.codes(column))


def read_map(reader: Reader, open_map: Callable[[], Map]) -> None:
    """Every layer of a map: cells, geometry, spatial index and topology."""
    opened = reader.take(open_map)
    if opened is None:
        return
    reader.take(lambda: [opened.meta, len(opened)])
    for layer in Layer:
        _read_layer(reader, opened, layer)


def _read_layer(reader: Reader, opened: Map, layer: Layer) -> None:
    rows = opened.layer(layer)
    reader.take(lambda: [rows.column(column.name) for column in MAP_COLUMNS])
    reader.take(lambda: rows.nearest(np.zeros(2)) if len(rows) else None)
    for element in reader.take(lambda: opened.elements(layer)) or ():
        _read_topology(reader, element)


def _read_topology(reader: Reader, element: Element) -> None:
    reader.take(lambda: element.native)
    if isinstance(element, Lane):
        reader.take(lambda: element.centerline)
        reader.take(lambda: element.polygon)
        reader.take(lambda: [lane.id for lane in (*element.incoming, *element.outgoing)])
    elif isinstance(element, RoadBlock):
        reader.take(lambda: [lane.id for lane in element.lanes])
        reader.take(lambda: [block.id for block in (*element.incoming, *element.outgoing)])
