"""LEAD bounding boxes: half extents at the actor origin in CARLA's frame -> boxes of the canonical schema and back.

Source: page `lead-expert-logs`, section 5.4. The actor origin of vehicles, walkers and props is taken at the foot of
the box, as LEAD's own 123D export does (lead/expert/expert_py123d_utils.py); level meshes and the boxes of lights
and stop signs are given by their centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lead_xb.adapters.carla.tracks import TICK_US
from lead_xb.schemas.boxes import Category
from lead_xb.store import frames
from lead_xb.store.boxes import Boxes
from lead_xb.store.frames import CARLA
from lead_xb.store.lossless import MISSING

CENTERED = ("static_prop_car", "traffic_light", "stop_sign")
FUTURE_STEPS = 41
"""Steps of a complete actor future: 2 s at 20 Hz and the present."""

_STRINGS = ("type_id", "base_type", "role_name", "mesh_path", "state")
_FLOATS = ("speed", "brake", "steer", "throttle")
_COUNTS = {"num_points": "num_lidar_points", "num_radar_points": "num_radar_points", "visible_pixels": "visible_pixels"}
_NOT_COUNTED = -1

_COMMON = ("transfuser_semantics_id", "extent", "position", "yaw")
_ORDERS: Mapping[str, tuple[str, ...]] = {
    "ego_car": ("class", *_COMMON, "num_points", "distance", "speed", "brake", "id", "matrix", "visible_pixels"),
    "car": (
        *(
            "class",
            "ego_velocity",
            "next_action",
            "vehicle_cuts_in",
            "road_id",
            "lane_id",
            "lane_type_str",
            "base_type",
        ),
        *(*_COMMON, "num_points", "num_radar_points", "distance", "speed", "brake", "steer", "throttle", "id"),
        *("role_name", "type_id", "matrix", "speed_limit", "visible_pixels", "future_positions", "future_yaws"),
    ),
    "walker": (
        *("class", "ego_velocity", "role_name", *_COMMON, "num_points", "num_radar_points", "distance", "speed", "id"),
        *("matrix", "visible_pixels", "future_positions", "future_yaws"),
    ),
    "static": (
        *("class", *_COMMON, "num_points", "distance", "speed", "id", "matrix", "type_id", "mesh_path"),
        "visible_pixels",
    ),
    "static_prop_car": ("class", *_COMMON, "distance", "id", "matrix", "num_points", "visible_pixels"),
    "traffic_light": (
        *("class", *_COMMON, "distance", "state", "id", "affects_ego", "matrix"),
        *("distance_to_physical_traffic_light", "dummy_traffic_light_bounding_box", "same_lane_as_ego"),
        *("is_over_head_traffic_light", "is_europe_traffic_light"),
    ),
    "stop_sign": ("class", *_COMMON, "distance", "id", "affects_ego", "matrix"),
}
"""Keys in the order in which LEAD writes them; what a column does not hold is kept in `extra`."""


def category_of(box: Mapping[str, Any]) -> Category:
    """The one mapping table of LEAD's classes."""
    kind = box["class"]
    if kind == "car":
        return {"bicycle": Category.BICYCLE, "motorcycle": Category.MOTORCYCLE}.get(
            str(box.get("base_type")), Category.VEHICLE
        )
    if kind == "static":
        if "Car" in (box.get("mesh_path") or ""):
            return Category.PARKED_VEHICLE
        return _STATIC_TYPES.get(str(box.get("type_id")), Category.GENERIC_OBJECT)
    return _CLASSES.get(kind, Category.OTHER)


_CLASSES = {
    "ego_car": Category.EGO,
    "walker": Category.PEDESTRIAN,
    "static_prop_car": Category.PARKED_VEHICLE,
    "traffic_light": Category.TRAFFIC_LIGHT,
    "stop_sign": Category.STOP_SIGN,
}
_STATIC_TYPES = {
    "static.prop.constructioncone": Category.TRAFFIC_CONE,
    "static.prop.trafficcone01": Category.TRAFFIC_CONE,
    "static.prop.trafficcone02": Category.TRAFFIC_CONE,
    "static.prop.trafficwarning": Category.CONSTRUCTION_SIGN,
    "static.prop.streetbarrier": Category.BARRIER,
}


def box_cells(
    boxes: Sequence[Mapping[str, Any]], world_from_actor: np.ndarray, *, future_steps: int | None
) -> dict[str, Any]:
    """The `boxes` cell of a frame.

    Args:
        boxes: native dictionaries, checked by `checks.check_boxes`.
        world_from_actor: the ego's `ego_matrix` (4, 4) in CARLA's world.
        future_steps: steps that the route still has, which bound every future; None where the meta does not tell.
    """
    half = np.array([[float(v) for v in box["extent"]] for box in boxes]).reshape(-1, 3)
    rotation = _rotations(boxes, world_from_actor)
    foot = np.array([[float(v) for v in box["position"]] for box in boxes]).reshape(-1, 3)
    raised = np.array([box["class"] not in CENTERED for box in boxes], bool)
    up = rotation[:, :, 2] * (half[:, 2] * raised)[:, None]
    cells: dict[str, Any] = {
        "category": np.array([int(category_of(box)) for box in boxes], np.int8),
        "native_class": [box["class"] for box in boxes],
        "track_token": [str(box["id"]) for box in boxes],
        "center": frames.points_to_ego(foot, CARLA) + up,
        "size": 2.0 * half,
        "yaw": frames.mirror_yaw(np.array([float(box["yaw"]) for box in boxes]), CARLA),
        "rotation": frames.rotation_to_quaternion(rotation),
        "velocity": [_velocity(box) for box in boxes],
        "lane_type": [box.get("lane_type_str") for box in boxes],
        "affects_ego": [box.get("affects_ego") for box in boxes],
        **{name: [_text(box.get(name)) for box in boxes] for name in _STRINGS},
        **{name: [_number(box.get(name)) for box in boxes] for name in _FLOATS},
        **{column: [_count(box.get(key)) for box in boxes] for key, column in _COUNTS.items()},
    }
    return {**cells, **_future_cells(boxes, future_steps)}


def native_boxes(boxes: Boxes) -> list[dict[str, Any]]:
    """Native dictionaries back from the cell, MISSING where no column holds a key."""
    rows: list[dict[str, Any]] = boxes.table.to_pylist()
    return [_native_box(row) for row in rows]


def _native_box(row: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "class": row["native_class"],
        "id": int(row["track_token"]),
        "extent": [value / 2.0 for value in row["size"]],
        "yaw": np.float64(frames.mirror_yaw(row["yaw"], CARLA)),
        "lane_type_str": row["lane_type"],
        "affects_ego": row["affects_ego"],
        **{name: row[name] for name in (*_STRINGS, *_FLOATS)},
        **{key: _NOT_COUNTED if row[column] is None else row[column] for key, column in _COUNTS.items()},
    }
    if row["velocity"] is not None:
        values["ego_velocity"] = frames.mirror(np.array(row["velocity"]), CARLA).tolist()
    if row["future_position"] is not None:
        values["future_positions"] = _native_future(np.array(row["future_position"]).reshape(-1, 2))
        values["future_yaws"] = frames.mirror_yaw(np.array(row["future_yaw"]), CARLA).astype(np.float16)
    order = _ORDERS.get(row["native_class"], tuple(values))
    return {key: values.get(key, MISSING) for key in order}


def _rotations(boxes: Sequence[Mapping[str, Any]], world_from_actor: np.ndarray) -> np.ndarray:
    """ego_from_box rotations (N, 3, 3) from the recorded world matrices."""
    world = np.array([np.asarray(box["matrix"], float) for box in boxes]).reshape(-1, 4, 4)
    relative = frames.mirror_matrix(frames.invert(np.asarray(world_from_actor, float)) @ world, CARLA)
    return relative[:, :3, :3]


def _future_cells(boxes: Sequence[Mapping[str, Any]], future_steps: int | None) -> dict[str, Any]:
    """Actor futures as recorded: float16 positions of the actor origin, at most `FUTURE_STEPS` and the route's end."""
    whole = None if future_steps is None else min(FUTURE_STEPS, future_steps)
    futures = [_future(box) for box in boxes]
    has = [future is not None for future in futures]
    return {
        "future_position": [None if f is None else f[0] for f in futures],
        "future_yaw": [None if f is None else f[1] for f in futures],
        "future_is_gapless": [None if f is None or whole is None else len(f[0]) == whole for f in futures],
        "future_first_us": [0 if h else None for h in has],
        "future_step_us": [TICK_US if h else None for h in has],
    }


def _future(box: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    position, yaw = box.get("future_positions"), box.get("future_yaws")
    if not (isinstance(position, np.ndarray) and isinstance(yaw, np.ndarray)):
        return None
    if position.shape != (len(yaw), 2) or not (np.isfinite(position).all() and np.isfinite(yaw).all()):
        return None
    return frames.points_to_ego(position.astype(np.float64), CARLA), frames.mirror_yaw(yaw.astype(np.float64), CARLA)


def _native_future(position: np.ndarray) -> np.ndarray:
    return frames.points_from_ego(position, CARLA).astype(np.float16)


def _velocity(box: Mapping[str, Any]) -> np.ndarray | None:
    value = box.get("ego_velocity")
    return None if value is None else frames.mirror(np.array([float(v) for v in value]), CARLA)


def _number(value: Any) -> float | None:
    """A finite number; brake may be NaN, which is no value: it stays in `extra`."""
    return float(value) if isinstance(value, float | int | np.floating) and np.isfinite(value) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return None if value is None or value == _NOT_COUNTED else int(value)
