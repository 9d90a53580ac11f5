"""One saved frame of a LEAD route -> one canonical row, and the native meta and boxes back from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from lead_xb.adapters.carla.boxes import box_cells, native_boxes
from lead_xb.adapters.carla.tracks import FUTURE_KEYS, PAST_KEYS, TICK_US, native_track, track_cells
from lead_xb.schemas.frame import RowKind
from lead_xb.schemas.navigation import Command
from lead_xb.store import frames
from lead_xb.store.frame import Frame
from lead_xb.store.frames import CARLA
from lead_xb.store.lossless import restore

FRAME_US = 250_000
"""Saved frames are 4 Hz and carry no time."""

BOXES, RESULTS = "#boxes", "#results"
"""Keys beside those of the meta in the flat native row."""

COMMANDS = {
    1: Command.LEFT,
    2: Command.RIGHT,
    3: Command.STRAIGHT,
    4: Command.LANE_FOLLOW,
    5: Command.CHANGE_LANE_LEFT,
    6: Command.CHANGE_LANE_RIGHT,
}
"""CARLA's RoadOption (page `lead-expert-logs`, section 7.4)."""

SAME: Mapping[str, tuple[str, type]] = {
    "speed": ("ego.speed", float),
    "speed_limit": ("navigation.speed_limit", float),
    "target_speed": ("expert.target_speed", float),
    "brake": ("expert.brake", bool),
    "steer": ("expert.steer", float),
    "throttle": ("expert.throttle", float),
    "vehicle_hazard": ("expert.vehicle_hazard", bool),
    "light_hazard": ("expert.light_hazard", bool),
    "walker_hazard": ("expert.walker_hazard", bool),
    "stop_sign_hazard": ("expert.stop_sign_hazard", bool),
    "current_active_scenario_type": ("expert.scenario", str),
    "previous_active_scenario_type": ("expert.previous_scenario", str),
    "vehicle_opened_door": ("expert.door_opened", bool),
    "vehicle_door_side": ("expert.door_side", str),
    "over_head_traffic_light": ("expert.light_overhead", bool),
    "europe_traffic_light": ("expert.light_europe", bool),
    "weather_setting": ("frame.weather", str),
}
"""Keys of a meta whose value is a cell as it stands: key -> column, type."""

IDS = {
    "scenario_obstacles_ids": "expert.obstacles",
    "scenario_actors_ids": "expert.actors",
    "cut_in_actors_ids": "expert.cut_ins",
}


def row_cells(meta: Mapping[str, Any], boxes: list[dict[str, Any]], *, number: int, reach_m: float) -> dict[str, Any]:
    """Cells of a row, without sensors and identity.

    Args:
        meta: native meta, checked by `checks.check_meta`.
        boxes: native boxes.
        number: number of the saved frame.
        reach_m: which of the recorded sparse routes becomes the target points.
    """
    world_from_actor = np.asarray(meta["ego_matrix"], np.float64)
    return {
        "frame.timestamp_us": number * FRAME_US,
        "frame.is_key": True,
        "frame.kind": RowKind.RECORDED.value,
        "frame.source_index": number,
        "ego.pose": frames.matrix_to_pose(frames.ego_pose_from(world_from_actor, CARLA)),
        **_imu_cells(meta),
        **track_cells(meta, "ego_future", FUTURE_KEYS, step_us=TICK_US),
        **track_cells(meta, "ego_past", PAST_KEYS, step_us=-TICK_US),
        **_navigation_cells(meta, reach_m),
        **{column: plain_value(meta.get(key), kind) for key, (column, kind) in SAME.items()},
        **{column: _id_texts(meta[key]) for key, column in IDS.items() if key in meta},
        "boxes": box_cells(boxes, world_from_actor, future_steps=_future_steps(meta)),
    }


def _future_steps(meta: Mapping[str, Any]) -> int | None:
    positions = meta.get("future_positions")
    return len(positions) if isinstance(positions, np.ndarray) else None


def token_of(scene_id: str, row: int) -> str:
    """LEAD has no tokens: the first 16 hex digits of sha256('scene_id/row')."""
    return hashlib.sha256(f"{scene_id}/{row}".encode()).hexdigest()[:16]


def rebuild(frame: Frame) -> dict[str, Any]:
    """Meta and boxes as far as the typed columns hold them."""
    reach = frame["navigation.reach_m"]
    meta: dict[str, Any] = {
        "town": frame.meta.location,
        **native_track(frame, "ego_past", PAST_KEYS),
        **_native_imu(frame),
        **{key: frame[column] for key, (column, _) in SAME.items()},
        **_native_navigation(frame, reach),
        **{key: _id_numbers(frame[column]) for key, column in IDS.items()},
        **native_track(frame, "ego_future", FUTURE_KEYS),
    }
    boxes = frame.boxes
    return {**meta, BOXES: [] if boxes is None else native_boxes(boxes), RESULTS: None}


def native_row(meta: dict[str, Any], boxes: list[dict[str, Any]], results: Any) -> dict[str, Any]:
    """The native objects of a frame as one flat dictionary, so that what never changes is kept once a scene."""
    return {**meta, BOXES: boxes, RESULTS: results}


def native_frame(frame: Frame) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The meta and the boxes of a converted frame, equal to the recorded ones in every type and bit."""
    native = restore(rebuild(frame), frame.extra())
    boxes, _ = native.pop(BOXES), native.pop(RESULTS)
    return native, boxes


def native_results(frame: Frame) -> Any:
    """The route's results.json; None if the route has none."""
    return restore(rebuild(frame), frame.extra())[RESULTS]


def _imu_cells(meta: Mapping[str, Any]) -> dict[str, Any]:
    acceleration = np.array([meta["accel_x"], meta["accel_y"]], np.float64)
    rates = np.array([meta[f"angular_velocity_{axis}"] for axis in "xyz"], np.float64)
    return {
        "ego.acceleration": frames.mirror(acceleration, CARLA),
        "ego.acceleration_z": float(meta["accel_z"]),
        "ego.angular_velocity": frames.mirror_rotation_vector(rates, CARLA),
    }


def _native_imu(frame: Frame) -> dict[str, Any]:
    x, y = frames.mirror(frame["ego.acceleration"], CARLA)
    rates = frames.mirror_rotation_vector(frame["ego.angular_velocity"], CARLA)
    return {
        "accel_x": x,
        "accel_y": y,
        "accel_z": np.float64(frame["ego.acceleration_z"]),
        **{f"angular_velocity_{axis}": rate for axis, rate in zip("xyz", rates, strict=True)},
    }


def _navigation_cells(meta: Mapping[str, Any], reach_m: float) -> dict[str, Any]:
    commands = meta[f"next_commands_{reach_m}"]
    raw = int(commands[0]) if commands else None
    cells: dict[str, Any] = {
        "navigation.reach_m": reach_m,
        "navigation.command_raw": raw,
        "navigation.command": None if raw is None else int(COMMANDS.get(raw, Command.UNKNOWN)),
    }
    for side, prefix in (("target", "next"), ("passed", "previous")):
        points = np.array(meta[f"{prefix}_target_points_{reach_m}"], np.float64).reshape(-1, 3)
        cells[f"navigation.{side}_points"] = frames.mirror(points, CARLA)
        cells[f"navigation.{side}_commands"] = np.array(meta[f"{prefix}_commands_{reach_m}"], np.int32)
    route = meta["route"]
    cells["navigation.route"] = frames.points_to_ego(np.asarray(route, np.float64).reshape(-1, 2), CARLA)
    return cells


def _native_navigation(frame: Frame, reach_m: float) -> dict[str, Any]:
    native: dict[str, Any] = {}
    for side, prefix in (("target", "next"), ("passed", "previous")):
        points = frames.mirror(frame[f"navigation.{side}_points"], CARLA)
        native[f"{prefix}_target_points_{reach_m}"] = points.tolist()
        native[f"{prefix}_commands_{reach_m}"] = frame[f"navigation.{side}_commands"].tolist()
    route = frames.points_from_ego(frame["navigation.route"], CARLA)
    return {**native, "route": route.astype(np.float32)}


def plain_value(value: Any, kind: type) -> Any:
    """A value as a cell of the given kind; None for anything else (inf, NaN, lists), which `extra` then keeps."""
    if kind is float and isinstance(value, float | int | np.floating) and not isinstance(value, bool):
        return float(value) if np.isfinite(value) else None
    if kind is bool and isinstance(value, bool | np.bool_):
        return bool(value)
    return value if kind is str and isinstance(value, str) else None


def _id_texts(ids: Any) -> list[str]:
    return [str(number) for number in ids]


def _id_numbers(texts: list[str] | None) -> list[int] | None:
    return None if texts is None else [int(text) for text in texts]
