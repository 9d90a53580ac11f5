"""An OpenScene log pickle -> one canonical scene, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lead_xb.adapters.navsim.fields import ADVICE, Fields, describe, numbered
from lead_xb.adapters.navsim.filters import read_filter, read_mapping
from lead_xb.adapters.navsim.maps import Place, location_of
from lead_xb.adapters.navsim.payloads import SensorReader
from lead_xb.adapters.navsim.rig import RigReader
from lead_xb.adapters.navsim.rows import frame_row, rebuild
from lead_xb.adapters.navsim.sensors import LIDAR_HEADER, Blobs, SensorOptions
from lead_xb.adapters.navsim.survey import survey
from lead_xb.schemas.boxes import box_fields_of
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.frame import Frame
from lead_xb.store.lossless import restore
from lead_xb.store.scene import Scene
from lead_xb.store.unpickle import NUMPY, loads
from lead_xb.store.writer import Row, Written, write_rows

CAMERAS_KEY = "cams"


@dataclass(frozen=True, kw_only=True)
class Membership:
    """Splits that rows of a log belong to.

    Attributes:
        folders: data folders that hold the log: splits of every row.
        filter_path: a scene filter: split of the current frames of its scenes.
        filter_limit: how many of them, where the filter stops in this log.
        mapping_path: a two-stage mapping: split of its first-stage tokens.
    """

    folders: tuple[str, ...]
    filter_path: Path | None = None
    filter_limit: int | None = None
    mapping_path: Path | None = None

    def of_rows(self, tokens: Sequence[str], has_route: Sequence[bool]) -> list[list[str]]:
        """Splits of each row, without repetition."""
        splits = [list(self.folders) for _ in tokens]
        if self.filter_path is not None:
            for row in self._current_rows(self.filter_path, tokens, has_route):
                splits[row].append(self.filter_path.stem)
        if self.mapping_path is not None:
            first_stage = {token for pair in read_mapping(self.mapping_path) for token in (pair.now, pair.previous)}
            for row, token in enumerate(tokens):
                if token in first_stage:
                    splits[row].append(self.mapping_path.stem)
        return [list(dict.fromkeys(names)) for names in splits]

    def seen_rows(self, frames: Sequence[Fields]) -> frozenset[int] | None:
        """Rows that an agent sees in the filter's scenes: current frames and their history. None without a filter."""
        if self.filter_path is None:
            return None
        has_route = [bool(frame.texts("roadblock_ids")) for frame in frames]
        rows = self._current_rows(self.filter_path, [frame.text("token") for frame in frames], has_route)
        history = range(read_filter(self.filter_path).num_history_frames)
        return frozenset(row - back for row in rows for back in history)

    def _current_rows(self, path: Path, tokens: Sequence[str], has_route: Sequence[bool]) -> list[int]:
        return read_filter(path).current_rows(tokens, has_route)[: self.filter_limit]


@dataclass(frozen=True, kw_only=True)
class LogTask:
    """Converts one log; a `lead_xb.store.tasks.Task`.

    Attributes:
        path: the pickle; its name without suffix is the scene_id.
        place: city, as peeked at and verified when the log is read, and the maps.
        folder: the data folder that its sensor files lie in.
        blobs: where they lie.
        options: how they are read.
        membership: splits of its rows.
        native_bytes: size of the pickle alone; counting sensor files would take a stat for each.
        stored_bytes: estimate of the scene.
    """

    path: Path
    place: Place
    folder: str
    blobs: Blobs
    options: SensorOptions
    membership: Membership
    native_bytes: int
    stored_bytes: int

    @property
    def kind(self) -> str:
        """A log becomes a scene."""
        return "scene"

    @property
    def id(self) -> str:
        """scene_id: the name of the log file, which scene filters refer to."""
        return self.path.stem

    def write(self, path: Path) -> Written:
        """Read the log and its sensor files and write its scene."""
        frames = read_log(self.path)
        location = location_of(frames[0].text("map_location"))
        map_id = self.place.map_of(location, self.path)
        required = self.membership.seen_rows(frames)
        found = survey(frames, CAMERAS_KEY, blobs=self.blobs, options=self.options, required=required)
        rigs = RigReader(found, CAMERAS_KEY)
        meta = SceneMeta(
            box_fields=box_fields_of("navsim"),
            scene_id=self.id,
            source="navsim",
            location=location,
            map_id=map_id,
            folder=self.folder,
            rig=rigs.scene_rig(frames),
            lacks=(*found.lacks, *rigs.lacks(frames), *(() if map_id else ("map",))),
            log=frames[0].text("log_name"),
        )
        reader = SensorReader(CAMERAS_KEY, self.blobs, found)
        return write_rows(path, meta, _rows(frames, meta, rigs, reader), rebuild)

    def splits(self, scene: Scene) -> list[list[str]]:
        """Splits of each row."""
        table = scene.table(["frame.token", "navigation.road_blocks"])
        has_route = [bool(blocks) for blocks in table["navigation.road_blocks"].to_pylist()]
        return self.membership.of_rows(table["frame.token"].to_pylist(), has_route)


def read_log(path: Path) -> list[Fields]:
    """The frames of a log, in file order.

    Raises:
        DataError: not a pickled list of dictionaries, no frames, a token twice, times that do not increase, or
            frames of several logs or cities. Whether each frame is complete is asked when its row is made.
    """
    content = loads(read_file(path), path=str(path), allow=NUMPY)
    if not isinstance(content, list) or not content:
        raise DataError(path, f"holds {describe(content)}, expected a list of frames", advice=ADVICE)
    frames = list(numbered(content, str(path), "frame"))
    require_order(frames)
    for frame in frames:
        for key in ("log_name", "map_location"):
            if frame.text(key) != frames[0].text(key):
                raise frame.error(key, f"{frames[0].text(key)!r} as in frame 0")
    return frames


def require_order(frames: Sequence[Fields]) -> None:
    """DataError unless tokens are unique and times increase; steps may be of any length, frames may be missing."""
    seen: dict[str, str] = {}
    last: int | None = None
    for frame in frames:
        token, time = frame.text("token"), frame.integer("timestamp")
        if token in seen:
            raise frame.error("token", f"a new token, but {seen[token]} has it too")
        if last is not None and time <= last:
            raise frame.error("timestamp", f"a time after that of the frame before ({last})")
        seen[token], last = frame.place, time


def read_file(path: Path) -> bytes:
    """All bytes of a file; DataError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", advice="check the source folder") from error


def native_frame(frame: Frame) -> dict[str, Any]:
    """The native dictionary of a row of a log scene, equal in type and bits."""
    native = restore(rebuild(frame), frame.extra())
    native.pop(LIDAR_HEADER, None)
    return native


def native_log(scene: Scene) -> list[dict[str, Any]]:
    """The content of the log pickle that a scene was made from."""
    return [native_frame(frame) for frame in scene]


def _rows(
    frames: Sequence[Fields], meta: SceneMeta, rigs: RigReader, reader: SensorReader
) -> Iterator[tuple[Row, dict[str, Any]]]:
    for frame in frames:
        cells, beside = reader.cells(frame)
        rig = rigs.row_rig(frame, meta.rig)
        yield {**frame_row(frame), **cells, "frame.rig": rig}, {**frame.values, **beside}
