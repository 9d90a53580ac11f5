"""nuPlan objects inside synthetic scenes, read as stand-ins: tracked objects and traffic light states.

Classes: `nup:common/actor_state/{tracked_objects,agent,static_object,oriented_box}.py`,
`nup:common/maps/maps_datatypes.py`. Everything is two-dimensional and in the global frame.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float64

from lead_xb.adapters.navsim.annotations import CATEGORIES, velocity_cells
from lead_xb.adapters.navsim.fields import ADVICE, describe
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.build import StructCells
from lead_xb.store.standins import Standin

CLASS_NAMES = (
    "vehicle",
    "pedestrian",
    "bicycle",
    "traffic_cone",
    "barrier",
    "czone_sign",
    "generic_object",
    "ego",
)
"""Members of nuPlan's `TrackedObjectType`, by value."""

LIGHTS = (LightState.GREEN, LightState.YELLOW, LightState.RED, LightState.UNKNOWN)
"""Members of nuPlan's `TrafficLightStatusType`, by value."""


def track_cells(tracks: Any, ego: Float64[np.ndarray, "3"], where: str) -> StructCells:
    """A `DetectionsTracks` as the `boxes` cell of a row.

    Args:
        tracks: the stand-in.
        ego: x, y, yaw of the frame that the boxes are given in, global.
        where: file and step, for errors.

    Positions, yaw (not wrapped) and velocities are turned into that frame. nuPlan's objects have a size but no
    height above ground: boxes stand on z = 0, so their centre is at half their height. Raises DataError if the
    objects are not what nuPlan's are.
    """
    objects = _list(_get(_get(tracks, "tracked_objects", where), "tracked_objects", where), where)
    boxes = [_get(item, "_box", where) for item in objects]
    centers = [_get(box, "_center", where) for box in boxes]
    xy = _numbers([[_get(center, axis, where) for axis in ("x", "y")] for center in centers], 2, where)
    sizes = _numbers(
        [[_get(box, f"_{side}", where) for side in ("length", "width", "height")] for box in boxes], 3, where
    )
    headings = _numbers([[_get(center, "heading", where)] for center in centers], 1, where)[:, 0]
    velocity = _velocities(objects, where)
    names = [_member(_get(item, "_tracked_object_type", where), CLASS_NAMES, where) for item in objects]
    metadata = [_get(item, "_metadata", where) for item in objects]
    rotation = _ego_from_global(float(ego[2]))
    return {
        "track_token": [_text(_get(item, "track_token", where), where) for item in metadata],
        "token": [_text(_get(item, "token", where), where) for item in metadata],
        "category": np.array([CATEGORIES[name] for name in names], np.int8),
        "native_class": names,
        "center": np.column_stack([(xy - ego[:2]) @ rotation.T, sizes[:, 2] / 2]),
        "size": sizes,
        "yaw": headings - ego[2],
        "velocity": velocity_cells(velocity @ rotation.T),
    }


def light_cells(statuses: Any, where: str) -> StructCells:
    """A `TrafficLightStatuses` as the `traffic_lights` cell of a row; DataError if it is none."""
    lights = _list(_get(statuses, "traffic_lights", where), where)
    return {
        "lane_id": [str(_get(light, "lane_connector_id", where)) for light in lights],
        "state": np.array([_member(_get(light, "status", where), LIGHTS, where) for light in lights], np.int8),
    }


def _ego_from_global(yaw: float) -> Float64[np.ndarray, "2 2"]:
    cos, sin = math.cos(yaw), math.sin(yaw)
    return np.array([[cos, sin], [-sin, cos]])


def _velocities(objects: list[Any], where: str) -> Float64[np.ndarray, "count 2"]:
    """Global velocities; NaN for static objects, which have none."""
    unknown = [math.nan, math.nan]
    rows = [
        [_get(_get(item, "_velocity", where), axis, where) for axis in ("_x", "_y")]
        if "_velocity" in (*item.state, *item.slots)
        else unknown
        for item in objects
    ]
    return _numbers(rows, 2, where, finite=False)


def _get(item: Any, name: str, where: str) -> Any:
    try:
        return item.get(name)
    except (KeyError, AttributeError) as error:
        reason = f"{describe(item)} where a nuPlan object with {name!r} was expected"
        raise DataError(where, reason, advice=ADVICE) from error


def _member(item: Any, members: tuple[Any, ...], where: str) -> Any:
    match item:
        case Standin(args=(int() as value,)) if 0 <= value < len(members):
            return members[value]
    raise DataError(where, f"{describe(item)}, expected a nuPlan enum member 0 to {len(members) - 1}", advice=ADVICE)


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not all(isinstance(item, Standin) for item in value):
        raise DataError(where, f"{describe(value)}, expected a list of nuPlan objects", advice=ADVICE)
    return value


def _text(value: Any, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DataError(where, f"a token is {describe(value)}, expected text", advice=ADVICE)
    return value


def _numbers(
    rows: list[list[Any]], columns: int, where: str, *, finite: bool = True
) -> Float64[np.ndarray, "count {columns}"]:
    try:
        numbers = np.array(rows, np.float64).reshape(len(rows), columns)
    except (TypeError, ValueError) as error:
        raise DataError(where, f"a box holds something other than numbers ({error})", advice=ADVICE) from error
    if finite and not np.isfinite(numbers).all():
        raise DataError(where, "a box holds NaN or inf", advice=ADVICE)
    return numbers
