"""Waymo E2E by hand: one segment -> rows, and the recorded values back (page `waymo-e2e`, sections 1 and 3)."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from lead_xb.schemas.frame import RowKind
from lead_xb.schemas.navigation import Command
from lead_xb.schemas.rig import ROLLING_SHUTTERS, Camera, Payload, Rig
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.frame import Frame
from lead_xb.store.frames import CAMERA_AXES, camera_to_ego
from lead_xb.store.payload import reference_to
from lead_xb.store.writer import Row

from .round_trip import GOLDEN, Native, rows_of

FOLDER = GOLDEN / "waymo-e2e"
CAMERAS = ("front", "front_left", "front_right", "side_left", "side_right", "rear_left", "rear", "rear_right")
"""By camera id - 1."""
INTENTS = {0: Command.UNKNOWN, 1: Command.STRAIGHT, 2: Command.LEFT, 3: Command.RIGHT}
"""By name, not by number: NAVSIM counts them in another order."""
STEP_US, FRAME_US = 250_000, 100_000
PAST = ("pos_x", "pos_y", "vel_x", "vel_y", "accel_x", "accel_y")
FUTURE = ("pos_x", "pos_y", "pos_z")


def sequences() -> dict[str, list[dict[str, Any]]]:
    """Recorded frames by sequence, in time order; an empty record belongs to none."""
    found = defaultdict(list)
    for record in json.loads((FOLDER / "expected_frames.json").read_text()):
        if record["sequence"]:
            found[record["sequence"]].append(record)
    return {name: sorted(frames, key=lambda frame: frame["frame_index"]) for name, frames in found.items()}


def native_of(record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Native:
    """An `E2EDFrame` as its protobuf holds it: float32 lists, an absent list is empty."""
    row = record["row"]
    past, future = arrays["past"][row][: record["n_past"]], arrays["future"][row][: record["n_future"]]
    lengths = arrays["preference_len"][row][: record["n_preference"]]
    return {
        "name": record["name"],
        "past_states": {name: _present(past[:, k]) for k, name in enumerate(PAST)},
        "future_states": {name: _present(future[:, k]) for k, name in enumerate(FUTURE)},
        "intent": record["intent"] if record["has_intent"] else None,
        "preference_trajectories": [
            {"xy": arrays["preference"][row, k, :length], "score": arrays["preference_score"][row, k]}
            for k, length in enumerate(lengths)
        ],
        "calibrations": {id: _calibration(arrays, row, id) for id in record["calibration_order"]},
        "image_order": [image["camera"] for image in record["images"]],
    }


def cells_of(record: dict[str, Any], native: Native) -> Row:
    """One row. Waymo has no clock, no world and no heading, so these stay null."""
    return {
        "frame.token": record["name"],
        "frame.timestamp_us": record["frame_index"] * FRAME_US,
        "frame.is_key": True,
        "frame.kind": RowKind.RECORDED.value,
        "frame.source_index": record["frame_index"],
        "navigation.command_raw": native["intent"],
        "navigation.command": None if native["intent"] is None else int(INTENTS[native["intent"]]),
        **_motion_cells(native),
        **_preference_cells(native["preference_trajectories"]),
        **{f"image.{CAMERAS[image['camera'] - 1]}": _image_cell(record, image) for image in record["images"]},
    }


def rebuild(frame: Frame) -> Native:
    """The recorded values as far as the columns hold them, float32 as in the protobuf."""
    rated = frame["preferences.rated"]
    past = [frame[f"ego_past.{name}"] for name in ("position", "velocity", "acceleration")]
    future = frame["ego_future.position"], frame["ego_future.height"]
    preferences = [] if rated is None else rated.to_pylist()
    return {
        "name": frame.token,
        "past_states": dict(zip(PAST, [part for pair in past for part in _columns(pair, 2)], strict=True)),
        "future_states": dict(zip(FUTURE, [*_columns(future[0], 2), *_columns(future[1], 1)], strict=True)),
        "intent": frame["navigation.command_raw"],
        "preference_trajectories": [
            {"xy": np.array(p["trajectory"], np.float32).reshape(-1, 2), "score": np.float32(p["score"])}
            for p in preferences
        ],
        "calibrations": {id: _native_calibration(camera) for id, camera in enumerate(frame.rig.cameras, 1)},
        "image_order": [id for id, name in enumerate(CAMERAS, 1) if frame.has(f"image.{name}")],
    }


def meta_of(sequence: str, records: list[dict[str, Any]], native: Native, *, cluster: str | None) -> SceneMeta:
    """One scene a segment; the scenario cluster of validation is known per sequence."""
    sizes = {image["camera"]: (image["width"], image["height"]) for image in records[0]["images"]}
    return SceneMeta(
        scene_id=sequence,
        source="waymo_e2e",
        location=None,
        map_id=None,
        folder=records[0]["shard"].split("_")[0],
        scenario=cluster,
        rig=rig_of(native["calibrations"], sizes),
    )


def rig_of(calibrations: dict[int, dict[str, Any]], sizes: dict[int, tuple[int, int]]) -> Rig:
    """Eight cameras; an image and its calibration belong together by name, never by their places in the lists."""
    return Rig(
        source_from_ego=rows_of(np.eye(4)),
        cameras=tuple(camera_of(id, calibration, sizes[id]) for id, calibration in sorted(calibrations.items())),
        payloads=tuple(Payload(column=f"image.{name}", codec="jpeg", coding="rgb") for name in CAMERAS),
    )


def camera_of(id: int, calibration: dict[str, Any], size: tuple[int, int]) -> Camera:
    """A calibration with Waymo's camera axes (x forward, y left, z up) -> a camera with OpenCV's."""
    fx, fy, cx, cy, *distortion = (float(value) for value in calibration["intrinsic"])
    direction = calibration["rolling_shutter_direction"]
    return Camera(
        name=CAMERAS[id - 1],
        width=calibration["width"],
        height=calibration["height"],
        model="pinhole",
        parameters={"focal": (fx, fy), "center": (cx, cy), "distortion": tuple(distortion)},
        ego_from_camera=rows_of(camera_to_ego(calibration["extrinsic"], "waymo")),
        crops={f"image.{CAMERAS[id - 1]}": (0, 0, *size)},
        rolling_shutter=ROLLING_SHUTTERS[direction - 1] if direction else None,
    )


def shard(record: dict[str, Any]) -> Path:
    """The TFRecord file of a frame."""
    return FOLDER / str(record["shard"])


def _motion_cells(native: Native) -> Row:
    position, velocity, acceleration = (
        np.stack([native["past_states"][name] for name in pair], axis=1) for pair in (PAST[0:2], PAST[2:4], PAST[4:6])
    )
    x, y, z = (native["future_states"][name] for name in FUTURE)
    return {
        "ego.speed": float(np.hypot(*velocity[-1].astype(np.float64))),
        "ego.velocity": velocity[-1],
        "ego.acceleration": acceleration[-1] if len(acceleration) else None,
        "ego_past.first_us": -STEP_US * (len(position) - 1),
        "ego_past.step_us": STEP_US,
        "ego_past.position": position,
        "ego_past.velocity": velocity,
        "ego_past.acceleration": acceleration if len(acceleration) else None,
        "ego_future.first_us": STEP_US if len(x) else None,
        "ego_future.step_us": STEP_US if len(x) else None,
        "ego_future.position": np.stack([x, y], axis=1) if len(x) else None,
        "ego_future.height": z if len(x) else None,
    }


def _preference_cells(preferences: list[dict[str, Any]]) -> Row:
    """A score below 0 or an empty trajectory says `not rated`; a row of such placeholders only was not rated at all."""
    scores = [float(p["score"]) if p["score"] >= 0 and len(p["xy"]) else None for p in preferences]
    if all(score is None for score in scores):
        return {}
    rated = {"trajectory": [p["xy"].astype(np.float64) for p in preferences], "score": scores}
    return {"preferences.first_us": STEP_US, "preferences.step_us": STEP_US, "preferences.rated": rated}


def _image_cell(record: dict[str, Any], image: dict[str, Any]) -> Row:
    """Bytes where the recording holds the shard, else a reference into it."""
    start, length = record["payload_offset"] + image["jpeg_offset_in_payload"], image["jpeg_bytes"]
    if shard(record).exists():
        return {"bytes": shard(record).read_bytes()[start : start + length]}
    reference = reference_to("waymo", record["shard"], data=None, length=length, offset=start)
    return {"reference": {**reference, "sha256": bytes.fromhex(image["sha256"])}}


def _calibration(arrays: dict[str, np.ndarray], row: int, id: int) -> dict[str, Any]:
    width, height = arrays["width_height"][row, id - 1].tolist()
    return {
        "intrinsic": arrays["intrinsic"][row, id - 1],
        "extrinsic": arrays["extrinsic"][row, id - 1],
        "width": width,
        "height": height,
        "rolling_shutter_direction": int(arrays["rolling_shutter"][row, id - 1]),
    }


def _native_calibration(camera: Camera) -> dict[str, Any]:
    native_axes = np.eye(4)
    native_axes[:3, :3] = CAMERA_AXES["waymo"]
    parts = (camera.parameters[name] for name in ("focal", "center", "distortion"))
    shutter = camera.rolling_shutter
    return {
        "intrinsic": np.array([value for part in parts for value in part]),
        "extrinsic": np.array(camera.ego_from_camera) @ native_axes,
        "width": camera.width,
        "height": camera.height,
        "rolling_shutter_direction": 0 if shutter is None else ROLLING_SHUTTERS.index(shutter) + 1,
    }


def _present(values: np.ndarray) -> np.ndarray:
    """The recording marks an absent list with NaN; protobuf has no elements then."""
    return values[:0] if np.isnan(values).any() else values


def _columns(values: np.ndarray | None, count: int) -> list[np.ndarray]:
    flat = np.zeros((0, count)) if values is None else values.reshape(-1, count)
    return [np.ascontiguousarray(column) for column in flat.astype(np.float32).T]
