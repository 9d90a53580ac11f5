"""Traffic lights among the boxes of a LEAD frame: a box at the stop line of each lane (section 5.4)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lead_xb.demo.actors import Signal
from lead_xb.demo.drive import Drive
from lead_xb.demo.native_carla import single, transform_of, wrap
from lead_xb.demo.roads import Lane

LIGHT_COPY_ID = -100_000
"""Boxes of further lanes of the same light count down from here."""


def light_boxes(
    drive: Drive, world_from_ego: Float[np.ndarray, "4 4"], *, yaw_rad: float, tick: int
) -> list[dict[str, object]]:
    """The light that the ego faces, as long as its stop line lies ahead; the ego's own lane first.

    Args:
        drive: the truth.
        world_from_ego: the stored CARLA matrix of the ego actor.
        yaw_rad: the ego's CARLA yaw.
        tick: 20 Hz sample.
    """
    if drive.ego_s_m[tick] > drive.route.turn_m[0]:
        return []
    ego_lane = drive.network.lane(drive.route.lanes[0])
    stop = next(stop for stop in drive.network.stop_lines if ego_lane in stop.lanes)
    signal = next(signal for signal in drive.signals if signal.stop_id == stop.stop_id)
    others = [lane for lane in stop.lanes if lane is not ego_lane]
    numbered = [(signal.signal_id, ego_lane), *((LIGHT_COPY_ID - k, lane) for k, lane in enumerate(others))]
    places = _Places(drive, world_from_ego, yaw_rad)
    return [places.box(signal, lane, number=number, tick=tick) for number, lane in numbered]


class _Places:
    def __init__(self, drive: Drive, world_from_ego: Float[np.ndarray, "4 4"], yaw_rad: float) -> None:
        self._drive, self._world_from_ego, self._yaw_rad = drive, world_from_ego, yaw_rad

    def box(self, signal: Signal, lane: Lane, *, number: int, tick: int) -> dict[str, object]:
        """The box of one lane, keys in LEAD's order."""
        end, along = lane.centre[-1], lane.centre[-1] - lane.centre[-2]
        terrain = self._drive.terrain
        heading = np.asarray(np.arctan2(along[1], along[0]))
        place = transform_of(terrain.lift(end), terrain.rotation(end, heading))
        matrix = single(place.matrix())
        relative = np.linalg.inv(self._world_from_ego) @ matrix
        post = terrain.lift(signal.post_xy_m) * np.array([1.0, -1.0, 1.0])
        return {
            "class": "traffic_light",
            "transfuser_semantics_id": 3,
            "extent": [1.5, 1.5, 0.5],
            "position": list(relative[:3, 3]),
            "yaw": np.float64(wrap(np.radians([place.yaw]) - self._yaw_rad)[0]),
            "distance": np.float64(np.linalg.norm(relative[:3, 3])),
            "state": signal.states[tick].value,
            "id": number,
            "affects_ego": True,
            "matrix": matrix.tolist(),
            "distance_to_physical_traffic_light": np.float64(np.linalg.norm(post - self._world_from_ego[:3, 3])),
            "dummy_traffic_light_bounding_box": False,
            "same_lane_as_ego": number == signal.signal_id,
            "is_over_head_traffic_light": False,
            "is_europe_traffic_light": True,
        }
