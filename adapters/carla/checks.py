"""Is what came out of a pickle a LEAD meta and LEAD boxes? Asked once, at the border."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from lead_xb.schemas.errors import DataError

ADVICE = "record or download the route again"
_NUMBERS = ("accel_x", "accel_y", "accel_z", "angular_velocity_x", "angular_velocity_y", "angular_velocity_z")
TICKS_PER_FRAME = 5
_TABLES = ("sensor_information", "dataset_information")


def check_meta(meta: Any, where: str, *, reach_m: float) -> dict[str, Any]:
    """A meta with the keys that the columns need; DataError names the key."""
    if not isinstance(meta, dict):
        raise DataError(where, f"holds a {type(meta).__name__}, expected a dictionary", advice=ADVICE)
    _finite(meta, "ego_matrix", (4, 4), where)
    if not np.allclose(np.linalg.det(np.asarray(meta["ego_matrix"], float)[:3, :3]), 1.0, atol=1e-2):
        raise DataError(where, "'ego_matrix' is not a rigid transform", advice=ADVICE)
    for key in _NUMBERS:
        _finite(meta, key, (), where)
    _finite(meta, "route", (None, 2), where)
    for key in _TABLES:
        if not isinstance(meta.get(key), dict):
            _refuse(where, key, meta.get(key), "a dictionary; is this an older LEAD log?")
    for prefix in ("next", "previous"):
        points, commands = f"{prefix}_target_points_{reach_m}", f"{prefix}_commands_{reach_m}"
        _finite(meta, points, (None, 3), where)
        _finite(meta, commands, (None,), where)
        if len(meta[points]) != len(meta[commands]):
            _refuse(where, commands, meta[commands], f"one command for each of {len(meta[points])} points")
    return meta


def check_boxes(boxes: Any, where: str) -> list[dict[str, Any]]:
    """A list of boxes with class, id, extent, position, yaw and matrix; DataError names box and key."""
    if not isinstance(boxes, list) or not all(isinstance(box, dict) for box in boxes):
        raise DataError(where, "expected a list of dictionaries", advice=ADVICE)
    for number, box in enumerate(boxes):
        place = f"{where} box {number}"
        for key, kind in (("class", str), ("id", int)):
            if not isinstance(box.get(key), kind):
                _refuse(place, key, box.get(key), kind.__name__)
        for key, shape in (("extent", (3,)), ("position", (3,)), ("yaw", ()), ("matrix", (4, 4))):
            _finite(box, key, shape, place)
        if abs(np.linalg.det(np.asarray(box["matrix"], float)[:3, :3]) - 1.0) > 1e-2:
            raise DataError(place, "'matrix' is not a rigid transform", advice=ADVICE)
    return boxes


def check_tables(meta: Mapping[str, Any], where: str) -> None:
    """The calibration tables of a route's first meta; DataError names the key."""
    sensors, information = meta["sensor_information"], meta["dataset_information"]
    for key in ("save_depth_lower_resolution", "save_depth_resolution_ratio", "save_grouped_semantic"):
        if key not in information:
            _refuse(where, f"dataset_information/{key}", None, "a value; is this an older LEAD log?")
    if information.get("data_save_freq", TICKS_PER_FRAME) != TICKS_PER_FRAME:
        _refuse(where, "data_save_freq", information["data_save_freq"], f"{TICKS_PER_FRAME} ticks of 50 ms (4 Hz)")
    _finite(information, "save_depth_resolution_ratio", (), where)
    if information["save_depth_resolution_ratio"] < 1:
        _refuse(where, "save_depth_resolution_ratio", information["save_depth_resolution_ratio"], "1 or more")
    cameras = sensors.get("camera_calibration")
    if not isinstance(cameras, dict) or not cameras:
        _refuse(where, "sensor_information/camera_calibration", cameras, "a dictionary of cameras")
    for name, camera in cameras.items():
        place = f"{where} camera {name}"
        for key, shape in (("pos", (3,)), ("rot", (3,)), ("width", ()), ("height", ()), ("fov", ())):
            _finite(camera, key, shape, place)
        if not (0 < camera["width"] <= 1 << 16 and 0 < camera["height"] <= 1 << 16 and 0 < camera["fov"] < 180):
            raise DataError(place, f"has the size {camera['width']}x{camera['height']} and fov {camera['fov']}")
    _finite(sensors, "lidar_pos_1", (3,), where)
    for name, radar in sensors.get("radar_calibration", {}).items():
        _finite(radar, "pos", (3,), f"{where} radar {name}")
    for key in ("perturbation_translation", "perturbation_rotation"):
        _finite(meta, key, (), where)


def _finite(table: Mapping[str, Any], key: str, shape: tuple[int | None, ...], where: str) -> None:
    """Refuse what is not numbers of that shape; None in a shape stands for any length, an empty list included."""
    value = table.get(key)
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        _refuse(where, key, value, f"numbers of shape {shape}")
    if array.size == 0 and None in shape:
        return
    fits = array.ndim == len(shape) and all(w in (None, n) for w, n in zip(shape, array.shape, strict=True))
    if not fits or not np.isfinite(array).all():
        _refuse(where, key, value, f"finite numbers of shape {shape}")


def _refuse(where: str, key: str, value: Any, expected: str) -> NoReturn:
    text = " ".join(repr(value).split())
    given = text if len(text) < 80 else text[:77] + "..."
    raise DataError(where, f"{key!r} is {given}, expected {expected}", advice=ADVICE)
