"""The meta of one LEAD frame: a dictionary with the 350 keys, key order and types of LEAD's own (sections 5.1, 5.2)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lead_xb.demo.drive import Drive
from lead_xb.demo.lead_planner import PLAIN_POP_DISTANCE_M, POP_DISTANCES_M, reached_counts, sparse_route
from lead_xb.demo.lead_surroundings import (
    TOWN,
    condition_keys,
    hazard_keys,
    map_keys,
    speed_limit_mps,
    surrounding_keys,
)
from lead_xb.demo.motion import TICK_HZ
from lead_xb.demo.native_carla import ACTOR_AHEAD_OF_AXLE_M, Perturbation, Transform, imu, single, wrap

HORIZON_TICKS = 61
_MIRROR = np.array([1.0, -1.0, 1.0])

Meta = dict[str, object]


class LeadMetas:
    """What LEAD's expert records about the ego vehicle, its route and its surroundings."""

    def __init__(self, drive: Drive, ego: tuple[Transform, ...], *, perturbation: Perturbation) -> None:
        self._drive, self._perturbation = drive, perturbation
        self._matrices = single(np.stack([transform.matrix() for transform in ego])).astype(np.float64)
        self._positions = self._matrices[:, :3, 3]
        self._yaw = np.unwrap(np.radians([transform.yaw for transform in ego]))
        self._speed = drive.ego.speed_mps
        self._acceleration, self._spin = imu(drive.ego)
        self._targets = sparse_route(drive)
        self._reached = {
            d: reached_counts(self._targets, self._positions[:, :2], pop_distance_m=d) for d in POP_DISTANCES_M
        }
        # The GPS frame of LEAD is off by the start of the route in towns without a geographic reference.
        self._gps_shift = np.array([self._targets[0].xyz[0], 0.0])

    def at(self, tick: int) -> Meta:
        """The meta of a tick."""
        return {
            **self._head(tick),
            **self._state(tick),
            **self._plan(tick),
            **map_keys(self._drive, tick),
            "route_curvature": self._curvature(tick),
            **surrounding_keys(self._drive, tick),
            **condition_keys(self._drive, tick),
            **hazard_keys(self._drive, tick),
            **self._target_points(tick),
            **self._future(tick),
        }

    def _head(self, tick: int) -> Meta:
        return {
            "num_dangerous_adversarial": 0,
            "num_safe_adversarial": 0,
            "num_ignored_adversarial": 0,
            "rear_adversarial_id": -1,
            "town": TOWN,
        }

    def _state(self, tick: int) -> Meta:
        past = np.arange(tick, max(-1, tick - HORIZON_TICKS), -1)
        exact = self._in_ego(self._positions[past], tick)[:, :2]
        offset = self._positions[past, :2] - self._positions[tick, :2]
        c, s = np.cos(self._yaw[tick]), np.sin(self._yaw[tick])
        level = offset @ np.array([[c, -s], [s, c]])
        x, y, z = self._positions[tick].tolist()
        noise = np.random.default_rng((self._drive.seed, 2, tick)).normal(0.0, 0.05, 2)
        return {
            "privileged_past_positions": single(exact),
            "past_positions": single(level),
            "past_filtered_state": single(level),
            "past_speeds": single(self._speed[past]),
            "past_yaws": single(wrap(self._yaw[past] - self._yaw[tick])),
            "speed": float(self._speed[tick]),
            "accel_x": self._acceleration[tick, 0],
            "accel_y": self._acceleration[tick, 1],
            "accel_z": self._acceleration[tick, 2],
            "angular_velocity_x": self._spin[tick, 0],
            "angular_velocity_y": self._spin[tick, 1],
            "angular_velocity_z": self._spin[tick, 2],
            "pos_global": [x, y, z],
            "filtered_pos_global": [x, y],
            "noisy_pos_global": (self._positions[tick, :2] - self._gps_shift + noise).tolist(),
            "theta": self._yaw[tick],
            "privileged_yaw": wrap(self._yaw[tick : tick + 1])[0],
        }

    def _plan(self, tick: int) -> Meta:
        reached = self._reached[PLAIN_POP_DISTANCE_M][tick]
        later = min(tick + TICK_HZ, self._drive.ticks - 1)
        acceleration = float((self._speed[later] - self._speed[tick]) * TICK_HZ / max(1, later - tick))
        braking = acceleration < -0.5
        limit = speed_limit_mps(self._drive, tick)
        return {
            "target_speed": max(0.0, float(self._speed[later])),
            "speed_limit": limit,
            "last_encountered_speed_limit_sign": limit,
            "previous_target_points": [list(point.xyz) for point in self._targets[:reached]],
            "next_target_points": [list(point.xyz) for point in self._targets[reached:]],
            "previous_commands": [point.command for point in self._targets[:reached]],
            "next_commands": [point.command for point in self._targets[reached:]],
            "route": self._route(tick),
            "changed_route": False,
            "speed_reduced_by_obj_type": None,
            "speed_reduced_by_obj_id": None,
            "speed_reduced_by_obj_distance": None,
            "steer": float(np.float32(np.clip(2.2 * self._spin[tick, 2] / self._speed[tick], -1.0, 1.0))),
            "throttle": 0.0 if braking else float(np.float32(0.4)),
            "brake": braking,
            "perturbation_translation": self._perturbation.shift_m,
            "perturbation_rotation": self._perturbation.yaw_deg,
            "ego_matrix": self._matrices[tick].astype(np.float32),
        }

    def _target_points(self, tick: int) -> Meta:
        meta: Meta = {}
        for place in ("gps_", ""):
            for side in ("previous", "next"):
                for content in ("target_points", "commands"):
                    for distance in POP_DISTANCES_M:
                        reached = self._reached[distance][tick]
                        chosen = self._targets[:reached] if side == "previous" else self._targets[reached:]
                        shift = self._gps_shift[0] if place else 0.0
                        meta[f"{side}_{place}{content}_{distance}"] = [
                            point.command if content == "commands" else [point.xyz[0] - float(shift), *point.xyz[1:]]
                            for point in chosen
                        ]
        return meta

    def _future(self, tick: int) -> Meta:
        coming = np.arange(tick, min(tick + HORIZON_TICKS, self._drive.ticks))
        last = tick == self._drive.ticks - 1
        return {
            "privileged_acceleration": (0.0 if last else float((self._speed[tick + 1] - self._speed[tick]) * TICK_HZ)),
            "privileged_rotation_speed": (
                0.0 if last else np.float64((self._yaw[tick + 1] - self._yaw[tick]) * TICK_HZ)
            ),
            "future_speeds": single(self._speed[coming]),
            "future_yaws": single(wrap(self._yaw[coming] - self._yaw[tick])),
            "future_positions": single(self._in_ego(self._positions[coming], tick)),
        }

    def _in_ego(self, points: Float[np.ndarray, "n 3"], tick: int) -> Float[np.ndarray, "n 3"]:
        matrix = self._matrices[tick]
        return np.asarray((points - matrix[:3, 3]) @ matrix[:3, :3])

    def _route(self, tick: int) -> Float[np.ndarray, "n 2"]:
        """Up to 50 points 1 m apart, from 2.5 m ahead of the actor on, turned into the ego's yaw."""
        path = self._drive.route.path
        s = self._drive.ego_s_m[tick] + ACTOR_AHEAD_OF_AXLE_M + 2.5 + np.arange(50.0)
        xy, _ = path.at(s[s <= path.length_m])
        offset = xy * _MIRROR[:2] - self._positions[tick, :2]
        c, s_yaw = np.cos(self._yaw[tick]), np.sin(self._yaw[tick])
        return single(offset @ np.array([[c, -s_yaw], [s_yaw, c]]))

    def _curvature(self, tick: int) -> np.float64:
        route = self._route(tick).astype(np.float64)
        return np.float64(np.abs(np.arctan2(route[:, 1], route[:, 0])).mean())
