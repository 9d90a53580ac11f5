"""The pickle of a synthetic second-stage scene, its rows, and the way back.

Source: reference page `navsim`, section 1.5 (`v2:common/dataclasses.py:612-730`). The stored frames become rows of
kind `recorded`, the 2 Hz steps of `extended_*` XX
Only the current frame keeps its native token: the two scenes of a pair share history frames, and tokens must be
unique in a store.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lead_xb.adapters.navsim import nuplan
from lead_xb.adapters.navsim.annotations import SCENE_KEYS, box_cells, light_cells, rebuild_boxes, rebuild_lights
from lead_xb.adapters.navsim.fields import ADVICE, Fields, describe
from lead_xb.adapters.navsim.logs import read_file, require_order
from lead_xb.adapters.navsim.maps import location_of
from lead_xb.adapters.navsim.payloads import SensorReader, native_path
from lead_xb.adapters.navsim.rig import RigReader, rebuild_cameras
from lead_xb.adapters.navsim.rows import command_cells, rebuild_command
from lead_xb.adapters.navsim.sensors import LIDAR_COLUMN, LIDAR_HEADER
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.frame import RowKind
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.frame import Frame
from lead_xb.store.lossless import MISSING, restore
from lead_xb.store.scene import Scene
from lead_xb.store.unpickle import NUPLAN, loads
from lead_xb.store.writer import Row

CAMERAS_KEY = "camera_dict"
STEP_US = 500_000
"""Extended steps follow the last frame at 2 Hz; the times inside the nuPlan objects stay in `extra`."""
LIGHTS_KEY, TRACKS_KEY = "extended_traffic_light_data", "extended_detections_tracks"
SCENE_KEY = "\0scene"
"""Key beside the native ones under which rows keep what belongs to the scene as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneLinks:
    """What ties a synthetic scene to its log, as peeked at when tasks are listed; verified when it is read.

    Attributes:
        log_name, location: the log and city it was made from.
        initial_token: token of its current frame; the devkit calls the scene by it.
        original_token: frame of the log at the same time.
    """

    log_name: str
    location: str
    initial_token: str
    original_token: str | None

    @classmethod
    def of(cls, metadata: Fields) -> SceneLinks:
        """From `scene_metadata`; DataError if it lacks one."""
        original = "corresponding_original_scene"
        return cls(
            log_name=metadata.text("log_name"),
            location=location_of(metadata.text("map_name")),
            initial_token=metadata.text("initial_token"),
            original_token=metadata.text(original) if original in metadata else None,
        )


@dataclass(frozen=True, slots=True)
class SyntheticScene:
    """A synthetic scene pickle, taken apart.

    Attributes:
        metadata: `scene_metadata`.
        frames: the stored frames.
        current: row of the current one; those before it are its history.
        steps: the extended steps, each with what the pickle has for it.
        rest: everything else, and the lengths that the lists had.
    """

    metadata: Fields
    frames: list[Fields]
    current: int
    steps: list[dict[str, Any]]
    rest: dict[str, Any]


def read_synthetic(path: Path) -> SyntheticScene:
    """Read a synthetic scene.

    Raises:
        UnsafePickleError: it names something else than numpy arrays and nuPlan's data classes.
        DataError: a part is missing or has another form, tokens repeat, times do not increase, or the current
            frame does not have the scene's initial token.
    """
    content = loads(read_file(path), path=str(path), allow=NUPLAN)
    if not isinstance(content, dict):
        raise DataError(path, f"holds {describe(content)}, expected a synthetic scene", advice=ADVICE)
    scene = Fields(str(path), "the scene", content)
    metadata = scene.fields("scene_metadata")
    frames = list(scene.each("frames", "frame"))
    current = metadata.integer("num_history_frames") - 1
    if not 0 <= current < len(frames):
        raise metadata.error("num_history_frames", f"at most the {len(frames)} stored frames")
    require_order(frames)
    if frames[current].text("token") != metadata.text("initial_token"):
        raise frames[current].error("token", f"the initial token {metadata.text('initial_token')!r}")
    extended = {key: content[key] for key in (LIGHTS_KEY, TRACKS_KEY) if isinstance(content.get(key), list)}
    count = max(map(len, extended.values()), default=0)
    steps = [{key: items[i] for key, items in extended.items() if i < len(items)} for i in range(count)]
    replaced = {"frames": len(frames), **{key: len(items) for key, items in extended.items()}}
    rest = {key: replaced.get(key, value) for key, value in content.items()}
    return SyntheticScene(metadata, frames, current, steps, rest)


def native_scene(scene: Scene) -> dict[str, Any]:
    """The content of the pickle that a scene was made from, equal in type and bits (nuPlan objects as stand-ins)."""
    rows = [restore(rebuild(frame), frame.extra()) for frame in scene]
    rest: Mapping[str, Any] = rows[0][SCENE_KEY]
    hidden = (SCENE_KEY, LIDAR_HEADER)
    lists: dict[str, list[Any]] = {
        "frames": [{key: row[key] for key in row if key not in hidden} for row in rows[: rest["frames"]]]
    }
    for key in (LIGHTS_KEY, TRACKS_KEY):
        if isinstance(rest.get(key), int):
            lists[key] = [row[key] for row in rows[rest["frames"] :] if key in row]
    return {key: lists.get(key, value) for key, value in rest.items()}


def rebuild(frame: Frame) -> dict[str, Any]:
    """The native dictionary of a row as far as its columns hold it; of an extended row nothing but its keys."""
    if frame["frame.kind"] == RowKind.EXTENDED:
        return {LIGHTS_KEY: MISSING, TRACKS_KEY: MISSING, SCENE_KEY: MISSING}
    return {
        "token": frame.token,
        "timestamp": frame.timestamp_us,
        "roadblock_ids": frame["navigation.road_blocks"],
        "traffic_lights": rebuild_lights(frame["traffic_lights"]),
        "annotations": rebuild_boxes(frame["boxes"], SCENE_KEYS),
        "ego_status": {
            "ego_pose": MISSING,  # the yaw does not come back from a quaternion bit for bit
            "ego_velocity": frame["ego.velocity"].astype(np.float32),
            "ego_acceleration": frame["ego.acceleration"].astype(np.float32),
            "driving_command": rebuild_command(frame),
            "in_global_frame": True,
        },
        "lidar_path": native_path(frame, LIDAR_COLUMN),
        "camera_dict": rebuild_cameras(frame, str.lower),
        SCENE_KEY: MISSING,
    }


def scene_rows(
    native: SyntheticScene, meta: SceneMeta, rigs: RigReader, reader: SensorReader
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Rows of a scene, each with the native values that it was made from."""
    beside = {SCENE_KEY: native.rest}
    for row, frame in enumerate(native.frames):
        cells, header = reader.cells(frame)
        own = {**_frame_row(frame), **cells, "frame.is_key": row == native.current}
        if row != native.current:
            own["frame.token"] = _derived_token(meta.scene_id, row)
        yield {**own, "frame.rig": rigs.row_rig(frame, meta.rig)}, {**frame.values, **beside, **header}
    for step, content in enumerate(native.steps):
        row = len(native.frames) + step
        yield (
            {"frame.token": _derived_token(meta.scene_id, row), **_extended_row(native.frames[-1], step, content)},
            {**content, **beside},
        )


def _extended_row(last: Fields, step: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """A step after the last stored frame, in whose ego frame its boxes are."""
    where = f"{last.path} extended step {step}"
    ego = last.fields("ego_status").numbers("ego_pose", 3)
    return {
        "frame.timestamp_us": last.integer("timestamp") + (step + 1) * STEP_US,
        "frame.is_key": False,
        "frame.kind": RowKind.EXTENDED.value,
        "boxes": nuplan.track_cells(content[TRACKS_KEY], ego, where) if TRACKS_KEY in content else None,
        "boxes.pose": _planar_pose(*ego.tolist()),
        "traffic_lights": nuplan.light_cells(content[LIGHTS_KEY], where) if LIGHTS_KEY in content else None,
    }


def _frame_row(frame: Fields) -> dict[str, Any]:
    status = frame.fields("ego_status")
    if status.values.get("in_global_frame") is not True:
        raise status.error("in_global_frame", "True: poses of synthetic scenes are global")
    velocity, acceleration = status.numbers("ego_velocity", 2), status.numbers("ego_acceleration", 2)
    return {
        "frame.token": frame.text("token"),
        "frame.timestamp_us": frame.integer("timestamp"),
        "frame.kind": RowKind.RECORDED.value,
        "ego.pose": _planar_pose(*status.numbers("ego_pose", 3).tolist()),
        "ego.speed": math.hypot(*velocity.tolist()),
        "ego.velocity": velocity,
        "ego.acceleration": acceleration,
        **command_cells(status),
        "navigation.road_blocks": frame.texts("roadblock_ids"),
        "boxes": box_cells(frame.fields("annotations"), SCENE_KEYS),
        "traffic_lights": light_cells(frame),
    }


def _planar_pose(x: float, y: float, yaw: float) -> tuple[float, ...]:
    return (x, y, 0.0, math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))


def _derived_token(scene_id: str, row: int) -> str:
    return hashlib.sha256(f"{scene_id}/{row}".encode()).hexdigest()[:16]
