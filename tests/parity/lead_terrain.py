"""The drawn terrain of the slope recording, as its README defines it."""

from __future__ import annotations

from typing import Any

import numpy as np


def terrain_height(xy: np.ndarray, t: dict[str, Any]) -> np.ndarray:
    """Height at points (N, 2) of CARLA's world, m."""
    c, (cx, cy) = t["curvature_per_m"], t["circle_centre_xy_m"]
    g = np.sign(c)
    theta = np.arctan2(g * (xy[:, 0] - cx), -g * (xy[:, 1] - cy))
    s = np.angle(np.exp(1j * (theta - np.deg2rad(t["start_yaw_deg"])))) / c
    lateral = 1 / c - g * np.hypot(xy[:, 0] - cx, xy[:, 1] - cy)
    phase = t["hill_phase_rad"]
    hill = t["hill_amplitude_m"] * (np.sin(t["hill_wave_number_per_m"] * s + phase) - np.sin(phase))
    clip = t["bank_lateral_clip_m"]
    bank = t["bank_slope"] * (1 + t["bank_variation"] * np.sin(t["bank_wave_number_per_m"] * s))
    return np.asarray(hill + np.clip(lateral, -clip, clip) * bank)
