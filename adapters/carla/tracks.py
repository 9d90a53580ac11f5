"""Ego tracks of a LEAD meta: recorded at the actor origin in CARLA's frame, stored at the rear axle in ours.

The shift to the rear axle turns with the recorded yaw. Pitch along the track is not recorded, so the height
stays that of the actor origin; both points stand on the same ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from lead_xb.store.frame import Frame
from lead_xb.store.frames import CARLA, track_from_ego, track_to_ego

TICK_US = 50_000
"""LEAD records at 20 Hz (page `lead-expert-logs`, section 0)."""

FUTURE_KEYS = ("future_positions", "future_yaws", "future_speeds")
PAST_KEYS = ("privileged_past_positions", "past_yaws", "past_speeds")


def track_cells(meta: Mapping[str, Any], group: str, keys: tuple[str, str, str], *, step_us: int) -> dict[str, Any]:
    """Cells of `ego_past` or `ego_future`; empty if the arrays are not what LEAD writes (then `extra` keeps them)."""
    position, yaw, speed = (meta.get(key) for key in keys)
    arrays = (position, yaw, speed)
    if not all(isinstance(a, np.ndarray) and a.dtype == np.float32 and np.isfinite(a).all() for a in arrays):
        return {}
    assert isinstance(position, np.ndarray) and isinstance(yaw, np.ndarray) and isinstance(speed, np.ndarray)
    if position.ndim != 2 or yaw.shape != (len(position),) or speed.shape != yaw.shape:
        return {}
    ego_position, ego_yaw = track_to_ego(position[:, :2].astype(np.float64), yaw.astype(np.float64), CARLA)
    cells = {
        f"{group}.first_us": 0,
        f"{group}.step_us": step_us,
        f"{group}.position": ego_position,
        f"{group}.yaw": ego_yaw,
        f"{group}.speed": speed.astype(np.float64),
    }
    return {**cells, f"{group}.height": position[:, 2].astype(np.float64)} if position.shape[1] == 3 else cells


def native_track(frame: Frame, group: str, keys: tuple[str, str, str]) -> dict[str, Float[np.ndarray, "..."]]:
    """The arrays of the meta back from the cells; empty where the cells are null."""
    position, yaw, speed = (frame[f"{group}.{name}"] for name in ("position", "yaw", "speed"))
    if position is None or yaw is None or speed is None:
        return {}
    carla, carla_yaw = track_from_ego(position, yaw, CARLA)
    height = frame[f"{group}.height"]
    if height is not None:
        carla = np.concatenate([carla, height[:, None]], axis=1)
    arrays = (carla, carla_yaw, speed)
    return {key: array.astype(np.float32) for key, array in zip(keys, arrays, strict=True)}
