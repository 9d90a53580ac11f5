"""LiDAR and radar of the LEAD rig, processed as LEAD does before writing (reference page, section 4).

Frames: clouds are in the CARLA actor frame (x forward, y right), metres, with LEAD's quirk that z is lowered by half
of the sensor's own mounting height. Ground returns, which LEAD removes by plane fitting, are known here and dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from lead_xb.demo.drive import Drive
from lead_xb.demo.native_carla import EGO_HALF_EXTENT_M, LIDARS, RADARS, Mount, Perturbation, Transform
from lead_xb.demo.raycast import Returns, cast, directions
from lead_xb.demo.render import Painter

MIRROR = np.array([1.0, -1.0, 1.0])
STACKED_TICKS = 5
RADAR_TICKS = 10
_NEAR_M = 32.0
_NEAR_COPIES = 5
_LIDAR_RANGE_M = 85.0
_RADAR_RANGE_M = 100.0
_CROP_LOW, _CROP_HIGH = np.array([-32.0, -40.0, -4.0]), np.array([64.0, 40.0, 10.0])


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points in the actor frame with the z quirk, m; `numbers` are the ids of the actors hit, else 0."""

    points: Float[np.ndarray, "n 3"]
    numbers: Int[np.ndarray, " n"]

    def where(self, kept: np.ndarray) -> Cloud:
        """The chosen points."""
        return Cloud(self.points[kept], self.numbers[kept])


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one 20 Hz tick contributes: the LiDAR (radar points mixed in, cropped) and the radar alone."""

    lidar: Cloud
    radar: Cloud


class LeadSensors:
    """Casts each tick once and stacks the last ticks as LEAD does."""

    def __init__(self, drive: Drive, painter: Painter, *, ego: tuple[Transform, ...]) -> None:
        self._drive, self._painter, self._ego = drive, painter, ego
        self._sweeps: dict[int, Sweep] = {}

    def sweep(self, tick: int) -> Sweep:
        """Clouds of one tick, in that tick's actor frame."""
        if tick not in self._sweeps:
            radar = [self._radar_cloud(tick, mount, Perturbation()) for mount in RADARS.values()]
            joined = Cloud(
                np.concatenate([points for points, _, _ in radar]),
                np.concatenate([numbers for _, numbers, _ in radar]),
            )
            self._sweeps[tick] = Sweep(lidar=self._lidar(tick, joined), radar=_with_copies(joined))
        return self._sweeps[tick]

    def stacked(self, tick: int) -> tuple[Float[np.ndarray, "n 3"], UInt8[np.ndarray, " n"]]:
        """The cloud that LEAD stores at a tick: points in its actor frame and their age in ticks."""
        points, ages = [], []
        for length, kind in ((STACKED_TICKS, "lidar"), (RADAR_TICKS, "radar")):
            for age in range(min(length, tick + 1)):
                cloud: Cloud = getattr(self.sweep(tick - age), kind)
                points.append(self._aligned(cloud.points, then=tick - age, now=tick))
                ages.append(np.full(len(cloud.points), age, np.uint8))
        return np.concatenate(points), np.concatenate(ages)

    def radar_file(self, tick: int, perturbation: Perturbation) -> dict[str, np.ndarray]:
        """Arrays of `radar/NNNN.npz`: per sensor float16 (n, 4) x, y, z, radial velocity (positive: moving away)."""
        arrays = {}
        for name, mount in RADARS.items():
            points, _, speeds = self._radar_cloud(tick, mount, perturbation)
            arrays[f"radar{name}"] = np.concatenate([points, speeds[:, None]], axis=1).astype(np.float16)
        return arrays

    def _lidar(self, tick: int, radar: Cloud) -> Cloud:
        frame = self._ego[tick].matrix()
        # The azimuths of successive ticks interleave, as those of a spinning sensor do.
        azimuth = (np.arange(240) + (tick * 0.382) % 1.0) * (2.0 * np.pi / 240)
        rays = directions(azimuth, np.radians(np.linspace(-28.0, 8.0, 40)))
        mount = LIDARS[0]
        returns = self._cast(tick, frame, mount=Mount(mount.position_m, (0.0, 0.0, 0.0)), rays=rays)
        cloud = _in_frame(returns, frame, mount.position_m[2])
        x, y = np.abs(cloud.points[:, 0]), np.abs(cloud.points[:, 1])
        # LEAD keeps a point only if it is outside in both directions, which cuts a cross.
        cloud = cloud.where((x > EGO_HALF_EXTENT_M[0]) & (y > EGO_HALF_EXTENT_M[1]))
        both = _with_copies(radar)
        cloud = Cloud(np.concatenate([cloud.points, both.points]), np.concatenate([cloud.numbers, both.numbers]))
        inside = (cloud.points >= _CROP_LOW) & (cloud.points <= _CROP_HIGH)
        return cloud.where(np.all(inside, axis=1))

    def _radar_cloud(
        self, tick: int, mount: Mount, perturbation: Perturbation
    ) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        frame = self._ego[tick].matrix() @ perturbation.matrix()
        rays = directions(np.radians(np.linspace(-44.0, 44.0, 34)), np.radians([0.0, 0.05]))
        returns = self._cast(tick, frame, mount=mount, rays=rays, range_m=_RADAR_RANGE_M)
        cloud = _in_frame(returns, frame, mount.position_m[2])
        solid = ~returns.on_ground
        sensor = (frame @ mount.matrix())[:3, 3] * MIRROR
        sight = returns.points_m[solid] - sensor
        sight /= np.linalg.norm(sight, axis=1, keepdims=True)
        velocity = {a.actor_id: a.track.velocity_mps[tick] for a in self._drive.actors}
        still = np.zeros(3)
        moving = np.array([velocity.get(int(n), still) for n in cloud.numbers]).reshape(-1, 3)
        relative = moving - self._drive.ego.velocity_mps[tick]
        return cloud.points, cloud.numbers, np.einsum("ni,ni->n", relative, sight)

    def _cast(
        self,
        tick: int,
        frame: Float[np.ndarray, "4 4"],
        *,
        mount: Mount,
        rays: Float[np.ndarray, "n 3"],
        range_m: float = _LIDAR_RANGE_M,
    ) -> Returns:
        """Rays (ISO axes, in the sensor's frame) of a sensor mounted in a left-handed frame."""
        world = frame @ mount.matrix()
        left_handed = (rays * MIRROR) @ world[:3, :3].T
        return cast(
            self._painter.heights,
            self._painter.scenery.at(tick),
            origin_m=world[:3, 3] * MIRROR,
            rays=left_handed * MIRROR,
            range_m=range_m,
        )

    def _aligned(self, points: Float[np.ndarray, "n 3"], *, then: int, now: int) -> Float[np.ndarray, "n 3"]:
        """LEAD's alignment of an old cloud, which turns the shift with the points: p' = Rz(dyaw) (p + (dx, dy))."""
        a, b = self._ego[then], self._ego[now]
        yaw = np.radians(b.yaw)
        dx, dy = a.x - b.x, a.y - b.y
        shift = np.array([np.cos(yaw) * dx + np.sin(yaw) * dy, -np.sin(yaw) * dx + np.cos(yaw) * dy, 0.0])
        turn = np.radians(a.yaw) - yaw
        c, s = np.cos(turn), np.sin(turn)
        return np.asarray((points + shift) @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]))


def _in_frame(returns: Returns, frame: Float[np.ndarray, "4 4"], mount_height_m: float) -> Cloud:
    """Returns that are not ground, in a left-handed frame (world <- frame), z lowered by half the mount's height."""
    solid = ~returns.on_ground
    world = returns.points_m[solid] * MIRROR
    points = (world - frame[:3, 3]) @ frame[:3, :3]
    return Cloud(points - np.array([0.0, 0.0, 0.5 * mount_height_m]), returns.numbers[solid])


def _with_copies(cloud: Cloud) -> Cloud:
    """LEAD gives radar points within 32 m five more times, so that few returns weigh like many."""
    near = cloud.where(np.hypot(cloud.points[:, 0], cloud.points[:, 1]) < _NEAR_M)
    return Cloud(
        np.concatenate([cloud.points, *[near.points] * _NEAR_COPIES]),
        np.concatenate([cloud.numbers, *[near.numbers] * _NEAR_COPIES]),
    )
