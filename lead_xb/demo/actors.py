"""What an actor and a traffic light of the synthetic drive are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float

from lead_xb.demo.motion import Track


class Kind(Enum):
    """What an actor is."""

    CAR = "car"
    TRUCK = "truck"
    BICYCLE = "bicycle"
    PEDESTRIAN = "pedestrian"
    CONE = "cone"


class Light(Enum):
    """State of a traffic light."""

    RED = "Red"
    YELLOW = "Yellow"
    GREEN = "Green"


@dataclass(frozen=True, slots=True)
class Actor:
    """One object with a box.

    Attributes:
        actor_id: unique number.
        kind: what it is.
        size_m: length, width, height, m.
        colour: red, green, blue, 0..255.
        track: motion of the point on the ground below the box centre.
        parked: a car that nobody will drive.
        lane_id: the lane that it is on at time 0, or None beside the road.
    """

    actor_id: int
    kind: Kind
    size_m: tuple[float, float, float]
    colour: tuple[int, int, int]
    track: Track
    parked: bool = False
    lane_id: int | None = None

    def centre_m(self, tick: int) -> Float[np.ndarray, " 3"]:
        """Box centre, world, m."""
        return np.asarray(self.track.position_m[tick] + 0.5 * self.size_m[2] * self.track.rotation[tick, :, 2])

    def corners_m(self, tick: int) -> Float[np.ndarray, "8 3"]:
        """Box corners, world, m; x slowest: rear before front, right before left, bottom before top."""
        signs = np.stack(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5], indexing="ij"), axis=-1)
        local = signs.reshape(8, 3) * np.array(self.size_m)
        return np.asarray(self.centre_m(tick) + local @ self.track.rotation[tick].T)


@dataclass(frozen=True, slots=True)
class Signal:
    """The traffic light of one stop line: its state per tick and where its post stands (world, x and y)."""

    signal_id: int
    stop_id: int
    states: tuple[Light, ...]
    post_xy_m: Float[np.ndarray, " 2"]
    facing_rad: float
