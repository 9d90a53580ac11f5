"""The boxes of one LEAD frame: dictionaries with the keys, key order and types of LEAD's own (section 5.4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from lead_xb.demo.actors import Actor, Kind
from lead_xb.demo.drive import Drive
from lead_xb.demo.lead_lights import light_boxes
from lead_xb.demo.lead_sensors import LeadSensors
from lead_xb.demo.native_carla import EGO_HALF_EXTENT_M, Transform, single, transform_of, wrap

BOX_RANGE_M = 96.0
FUTURE_TICKS = 41
EGO_ID = 1
STATIC_PROP_CAR_ID = 100_000_000
PARKED_MESH = "/Game/Carla/Static/Car/4Wheeled/ParkedVehicles/TeslaM3/SM_TeslaM3_parked.SM_TeslaM3_parked"

Box = dict[str, object]

_BLUEPRINTS = {
    Kind.CAR: ("car", "vehicle.tesla.model3"),
    Kind.TRUCK: ("truck", "vehicle.carlamotors.carlacola"),
    Kind.BICYCLE: ("bicycle", "vehicle.bh.crossbike"),
}


class LeadBoxes:
    """Writes what LEAD's expert records about other actors."""

    def __init__(self, drive: Drive, ego: tuple[Transform, ...], *, sensors: LeadSensors) -> None:
        self._drive, self._ego, self._sensors = drive, ego, sensors
        self._yaw = np.unwrap(np.radians([transform.yaw for transform in ego]))
        self._matrices = single(np.stack([transform.matrix() for transform in ego]))
        parked = [actor for actor in drive.actors if actor.parked]
        # One parked car of each sort that LEAD knows: a mesh of the town, an actor, and a level mesh.
        sorts = (self._static, self._car, self._static_prop_car)
        self._parked = {actor.actor_id: sorts[k % len(sorts)] for k, actor in enumerate(parked)}

    def at(self, tick: int, visible_pixels: dict[int, int]) -> list[Box]:
        """All boxes of a tick, nearest first; `visible_pixels` counts camera pixels per actor id."""
        lidar, radar = self._sensors.sweep(tick).lidar.numbers, self._sensors.sweep(tick).radar.numbers
        others: list[tuple[float, Box]] = []
        for actor in self._drive.actors:
            box = self._writer(actor)(actor, tick)
            fill = {
                "num_points": int((lidar == actor.actor_id).sum()),
                "num_radar_points": int((radar == actor.actor_id).sum()),
                "visible_pixels": visible_pixels.get(actor.actor_id, 0),
            }
            box.update({key: value for key, value in fill.items() if key in box})
            others.append((float(np.linalg.norm(self._relative(actor, tick)[:3, 3])), box))
        lights = light_boxes(self._drive, self._matrices[tick].astype(np.float64), yaw_rad=self._yaw[tick], tick=tick)
        others += [(float(np.linalg.norm(np.array(box["position"]))), box) for box in lights]
        others = [entry for entry in others if entry[0] < BOX_RANGE_M]
        return [self._ego_car(tick), *(box for _, box in sorted(others, key=lambda entry: entry[0]))]

    def _writer(self, actor: Actor) -> Callable[[Actor, int], Box]:
        if actor.parked:
            return self._parked[actor.actor_id]
        if actor.kind is Kind.PEDESTRIAN:
            return self._walker
        return self._static if actor.kind is Kind.CONE else self._car

    def _ego_car(self, tick: int) -> Box:
        speed = float(self._drive.ego.speed_mps[tick])
        return {
            "class": "ego_car",
            "transfuser_semantics_id": 0,
            "extent": [np.float64(value) for value in EGO_HALF_EXTENT_M],
            "position": [0, 0, 0],
            "yaw": 0.0,
            "num_points": -1,
            "distance": 0,
            "speed": speed,
            "brake": 0.0,
            "id": EGO_ID,
            "matrix": self._matrices[tick].tolist(),
            "visible_pixels": -1,
        }

    def _car(self, actor: Actor, tick: int) -> Box:
        base, blueprint = _BLUEPRINTS[actor.kind]
        speed = float(actor.track.speed_mps[tick])
        return {
            "class": "car",
            "ego_velocity": self._velocity(actor, tick),
            "next_action": None,
            "vehicle_cuts_in": False,
            "road_id": 0 if actor.lane_id is None else (actor.lane_id - 20001) // 2,
            "lane_id": -1,
            "lane_type_str": "Parking" if actor.parked else "Driving",
            "base_type": base,
            "transfuser_semantics_id": 1,
            **self._place(actor, tick),
            "num_points": 0,
            "num_radar_points": 0,
            "distance": self._distance(actor, tick),
            "speed": speed,
            "brake": 1.0 if speed < 0.1 else 0.0,
            "steer": float(np.float32(0.01)),
            "throttle": 0.0 if speed < 0.1 else float(np.float32(0.3)),
            "id": actor.actor_id,
            "role_name": "autopilot",
            "type_id": blueprint,
            "matrix": self._matrix(actor, tick).tolist(),
            "speed_limit": 50.0,
            "visible_pixels": 0,
            **self._future(actor, tick),
        }

    def _walker(self, actor: Actor, tick: int) -> Box:
        return {
            "class": "walker",
            "ego_velocity": self._velocity(actor, tick),
            "role_name": "autopilot",
            "transfuser_semantics_id": 4,
            **self._place(actor, tick),
            "num_points": 0,
            "num_radar_points": 0,
            "distance": self._distance(actor, tick),
            "speed": float(actor.track.speed_mps[tick]),
            "id": actor.actor_id,
            "matrix": self._matrix(actor, tick).tolist(),
            "visible_pixels": 0,
            **self._future(actor, tick),
        }

    def _static(self, actor: Actor, tick: int) -> Box:
        cone = actor.kind is Kind.CONE
        return {
            "class": "static",
            "transfuser_semantics_id": 6 if cone else 1,
            **self._place(actor, tick),
            "num_points": 0,
            "distance": self._distance(actor, tick),
            "speed": 0.0,
            "id": actor.actor_id,
            "matrix": self._matrix(actor, tick).tolist(),
            "type_id": "static.prop.constructioncone" if cone else "static.prop.mesh",
            "mesh_path": None if cone else PARKED_MESH,
            "visible_pixels": 0,
        }

    def _static_prop_car(self, actor: Actor, tick: int) -> Box:
        matrix = self._matrix(actor, tick, raised_m=0.5 * actor.size_m[2])
        relative = np.linalg.inv(self._matrices[tick].astype(np.float64)) @ matrix
        return {
            "class": "static_prop_car",
            "transfuser_semantics_id": 1,
            "extent": _extent(actor),
            "position": list(relative[:3, 3]),
            "yaw": self._relative_yaw(actor, tick),
            "distance": np.float64(np.linalg.norm(relative[:3, 3])),
            "id": STATIC_PROP_CAR_ID,
            "matrix": matrix.tolist(),
            "num_points": 0,
            "visible_pixels": 0,
        }

    def _place(self, actor: Actor, tick: int) -> Box:
        return {
            "extent": _extent(actor),
            "position": list(self._relative(actor, tick)[:3, 3]),
            "yaw": self._relative_yaw(actor, tick),
        }

    def _matrix(self, actor: Actor, tick: int, *, raised_m: float = 0.0) -> Float[np.ndarray, "4 4"]:
        rotation = actor.track.rotation[tick]
        position = actor.track.position_m[tick] + raised_m * rotation[:, 2]
        return single(transform_of(position, rotation).matrix())

    def _relative(self, actor: Actor, tick: int) -> Float[np.ndarray, "4 4"]:
        """ego <- actor, at full precision of the stored single-precision matrices."""
        ego = self._matrices[tick].astype(np.float64)
        return np.asarray(np.linalg.inv(ego) @ self._matrix(actor, tick).astype(np.float64))

    def _distance(self, actor: Actor, tick: int) -> np.float64:
        return np.float64(np.linalg.norm(self._relative(actor, tick)[:3, 3]))

    def _relative_yaw(self, actor: Actor, tick: int) -> np.float64:
        """Difference of the two world yaws, positive to the right, in (-pi, pi]."""
        return np.float64(wrap(-actor.track.heading_rad[tick : tick + 1] - self._yaw[tick])[0])

    def _velocity(self, actor: Actor, tick: int) -> list[float]:
        """World velocity turned into the ego's yaw: forward and right, m/s."""
        east, north, _ = actor.track.velocity_mps[tick]
        c, s = np.cos(self._yaw[tick]), np.sin(self._yaw[tick])
        return [float(c * east - s * north), float(-s * east - c * north)]

    def _future(self, actor: Actor, tick: int) -> Box:
        """20 Hz positions and yaws from now on, in the ego frame of now."""
        last = min(tick + FUTURE_TICKS, self._drive.ticks)
        world = actor.track.position_m[tick:last] * np.array([1.0, -1.0, 1.0])
        ego = self._matrices[tick].astype(np.float64)
        local = (world - ego[:3, 3]) @ ego[:3, :3]
        yaws = wrap(-actor.track.heading_rad[tick:last] - self._yaw[tick])
        return {
            "future_positions": local[:, :2].astype(np.float16),
            "future_yaws": yaws.astype(np.float16),
        }


def _extent(actor: Actor) -> list[float]:
    return [float(np.float32(0.5 * size)) for size in actor.size_m]
