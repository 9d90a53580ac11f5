"""Boxes and traffic lights as NAVSIM writes them: in logs, and under other names in synthetic scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float64

from lead_xb.adapters.navsim.fields import Fields
from lead_xb.schemas.boxes import Category
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.boxes import Boxes
from lead_xb.store.build import StructCells

CATEGORIES: Mapping[str, Category] = {
    "vehicle": Category.VEHICLE,
    "pedestrian": Category.PEDESTRIAN,
    "bicycle": Category.BICYCLE,
    "traffic_cone": Category.TRAFFIC_CONE,
    "barrier": Category.BARRIER,
    "czone_sign": Category.CONSTRUCTION_SIGN,
    "generic_object": Category.GENERIC_OBJECT,
    "ego": Category.EGO,
}
"""nuPlan's classes; any other name becomes OTHER and stays readable in `native_class`."""


@dataclass(frozen=True, slots=True)
class AnnotationKeys:
    """What the arrays of an annotation dictionary are called."""

    boxes: str
    names: str
    velocity: str
    tokens: str = "instance_tokens"
    tracks: str = "track_tokens"


LOG_KEYS = AnnotationKeys(boxes="gt_boxes", names="gt_names", velocity="gt_velocity_3d")
SCENE_KEYS = AnnotationKeys(boxes="boxes", names="names", velocity="velocity_3d")


def box_cells(annotations: Fields, keys: AnnotationKeys) -> StructCells:
    """The `boxes` cell of a row.

    Boxes are already in our ego frame: x, y, z of the centre, full length, width, height, yaw (not wrapped).
    A velocity that is NaN or inf is null in the column and survives in `extra`.

    Raises:
        DataError: an array is missing, has another shape, or its length is not the number of boxes.
    """
    boxes = annotations.numbers(keys.boxes, None, 7)
    count = len(boxes)
    velocity = annotations.numbers(keys.velocity, count or None, 3, finite=False)
    names = _names(annotations, keys.names, count)
    return {
        "track_token": annotations.texts(keys.tracks, count),
        "token": annotations.texts(keys.tokens, count),
        "category": np.array([CATEGORIES.get(name, Category.OTHER) for name in names], np.int8),
        "native_class": names,
        "center": boxes[:, :3],
        "size": boxes[:, 3:6],
        "yaw": boxes[:, 6],
        "velocity": velocity_cells(velocity[:, :2]),
        "velocity_z": np.ma.masked_invalid(velocity[:, 2]),
    }


def velocity_cells(velocity: Float64[np.ndarray, "count 2"]) -> Any:
    """The field `velocity`; null where it is NaN or inf."""
    known = np.isfinite(velocity).all(axis=1)
    if known.all():
        return velocity
    return [vector if valid else None for vector, valid in zip(velocity, known, strict=True)]


def rebuild_boxes(table: pa.StructArray, keys: AnnotationKeys) -> dict[str, Any]:
    """The annotation dictionary of a row from its boxes, with the types that OpenScene's writer gives it."""
    boxes = Boxes(table)
    velocity, velocity_z = boxes.column("velocity"), boxes.column("velocity_z")
    return {
        keys.boxes: np.concatenate([boxes.center, boxes.size, boxes.yaw[:, None]], axis=1),
        keys.names: np.array(boxes.strings("native_class")),  # of no names: float64, as numpy has it
        keys.velocity: np.concatenate([velocity.value, velocity_z.value[:, None]], axis=1),
        keys.tokens: boxes.strings("token"),
        keys.tracks: boxes.strings("track_token"),
    }


def light_cells(frame: Fields) -> StructCells:
    """The `traffic_lights` cell of a row: OpenScene keeps (lane connector id, is it red).

    Raises:
        DataError: not a list of such pairs.
    """
    lights = frame.items("traffic_lights")
    for light in lights:
        match light:
            case (int() | str() | np.integer(), bool() | np.bool_()) if not isinstance(light[0], bool):
                continue
        raise frame.error("traffic_lights", "a list of (lane connector id, is it red)")
    return {
        "lane_id": [str(lane) for lane, _ in lights],
        "state": np.array([LightState.RED if red else LightState.NOT_RED for _, red in lights], np.int8),
    }


def rebuild_lights(table: pa.StructArray) -> list[tuple[int | str, bool]]:
    """The `traffic_lights` list of a row."""
    lanes, states = table.field("lane_id").to_pylist(), table.field("state").to_pylist()
    ids = [int(lane) if lane.removeprefix("-").isdecimal() else lane for lane in lanes]
    return [(lane, state == LightState.RED) for lane, state in zip(ids, states, strict=True)]


def _names(annotations: Fields, key: str, count: int) -> list[str]:
    value = annotations.values.get(key)
    if count == 0 and isinstance(value, np.ndarray) and value.shape == (0,):
        return []  # numpy makes an array of floats of no names
    return annotations.texts(key, count)
