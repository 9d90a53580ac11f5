"""What is drawn over a row, in the ego frame: boxes, route, ego future and past, target points, radar, LiDAR."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.rig import Vehicle
from lead_xb.schemas.sensors import group_of
from lead_xb.store.boxes import Boxes
from lead_xb.store.cells import Masked
from lead_xb.store.frame import Frame
from lead_xb.store.frames import invert, quaternion_to_rotation, transform_points
from lead_xb.store.points import Cloud
from lead_xb.store.scene import Scene
from lead_xb.viz.palette import CATEGORY, Colour, light_colour, mixed

HORIZON_US = 5_000_000
"""How far the ego's path is followed over later and earlier rows where the row holds no track of its own."""

_CORNER_SIGNS = 0.5 * np.array(
    [(1, 1, -1), (1, -1, -1), (-1, -1, -1), (-1, 1, -1), (1, 1, 1), (1, -1, 1), (-1, -1, 1), (-1, 1, 1)]
)
"""Corners of a unit box: the front left one first, clockwise seen from above, the bottom before the top."""

_HIDDEN_TINT: Colour = (92, 98, 110)

Track = Float64[np.ndarray, "_ 3"]


@dataclass(frozen=True, slots=True)
class DrawnBoxes:
    """The boxes of a row that are drawn, all but the ego's own, in source order.

    Attributes:
        corners: (N, 8, 3) in the ego frame, m; order of `_CORNER_SIGNS`: front first, bottom first.
        center: (N, 3), m.
        yaw: (N,), rad.
        category: (N,) codes of `Category`.
        colours: one per box.
        hidden: (N,) true where the source knows that no sensor saw the box.
        velocity: (N, 2) in m/s with validity.
        futures: positions (K, 2) in m, None where the source has none.
    """

    corners: Float64[np.ndarray, "count 8 3"]
    center: Float64[np.ndarray, "count 3"]
    yaw: Float64[np.ndarray, " count"]
    category: tuple[Category, ...]
    colours: tuple[Colour, ...]
    hidden: Bool[np.ndarray, " count"]
    velocity: Masked
    futures: tuple[Float64[np.ndarray, "steps 2"] | None, ...]

    def __len__(self) -> int:
        return len(self.center)


@dataclass(frozen=True)
class Overlay:
    """Everything that belongs to one row of a scene, in its ego frame. Tracks are (N, 3) in m, empty where unknown.

    Attributes:
        frame: the row.
        boxes: None where the source has no boxes for the row.
        future, past: path of the rear axle, from the row on.
        route: on the ground, at the height of the ego's own way where that is known.
        targets: the current target point and those after it.
    """

    frame: Frame
    boxes: DrawnBoxes | None
    future: Track
    past: Track
    route: Track
    targets: Track

    @property
    def vehicle(self) -> Vehicle | None:
        """The recording car."""
        return self.frame.rig.vehicle

    @cached_property
    def lidar(self) -> Float64[np.ndarray, "count 3"] | None:
        """All LiDAR points of the row, m; None where no LiDAR fired."""
        clouds = self._clouds("lidar")
        return np.concatenate([cloud.xyz for cloud in clouds]) if clouds else None

    @cached_property
    def radar(self) -> list[Cloud]:
        """Radar returns of the row, one cloud per radar."""
        return self._clouds("radar")

    def _clouds(self, group: str) -> list[Cloud]:
        columns = [sensor.column for sensor in self.frame.rig.points if group_of(sensor.column) == group]
        clouds = [self.frame.points(column) for column in columns if self.frame.has(column)]
        return [cloud for cloud in clouds if cloud is not None]


def overlay_of(scene: Scene, row: int) -> Overlay:
    """Collect what is drawn over row `row` of a scene; IndexError names the range of rows."""
    frame = scene.frame(row)
    future = _own_track(frame, "ego_future")
    if future is None:
        future = _track_over_rows(scene, row, step=1)
    past = _own_track(frame, "ego_past")
    if past is None:
        past = _track_over_rows(scene, row, step=-1)
    route = frame["navigation.route"]
    return Overlay(
        frame=frame,
        boxes=None if frame.boxes is None else drawn_boxes(frame.boxes),
        future=future,
        past=past,
        route=np.zeros((0, 3)) if route is None else on_ground(route, future),
        targets=_targets(frame),
    )


def drawn_boxes(boxes: Boxes) -> DrawnBoxes:
    """Boxes of a frame without the ego's own, with their corners and colours."""
    kept = np.flatnonzero(boxes.category != int(Category.EGO))
    categories = tuple(Category(code) for code in boxes.category[kept])
    states = boxes.strings("state")
    hidden = _hidden(boxes)[kept]
    velocity = boxes.column("velocity")
    return DrawnBoxes(
        corners=_corners(boxes)[kept],
        center=boxes.center[kept],
        yaw=boxes.yaw[kept],
        category=categories,
        colours=tuple(
            _colour(category, states[index], faint=bool(faint))
            for category, index, faint in zip(categories, kept, hidden, strict=True)
        ),
        hidden=hidden,
        velocity=Masked(velocity.value[kept], velocity.valid[kept]),
        futures=tuple(boxes.track("future_position", int(index)) for index in kept),
    )


def on_ground(points: Float64[np.ndarray, "points 2"], ground: Track) -> Track:
    """Give x, y points the height of the nearest point of a track on the ground; 0 without a track."""
    if not len(ground) or not len(points):
        return np.concatenate([points, np.zeros((len(points), 1))], axis=1)
    distance = np.linalg.norm(points[:, None] - ground[None, :, :2], axis=2)
    return np.concatenate([points, ground[distance.argmin(axis=1), 2:]], axis=1)


def _corners(boxes: Boxes) -> Float64[np.ndarray, "count 8 3"]:
    rotation = np.zeros((len(boxes), 3, 3))
    cos, sin = np.cos(boxes.yaw), np.sin(boxes.yaw)
    rotation[:, 0, 0], rotation[:, 0, 1] = cos, -sin
    rotation[:, 1, 0], rotation[:, 1, 1] = sin, cos
    rotation[:, 2, 2] = 1.0
    full = boxes.column("rotation")
    rotation[full.valid] = quaternion_to_rotation(full.value[full.valid])
    local = boxes.size[:, None, :] * _CORNER_SIGNS
    return boxes.center[:, None, :] + np.einsum("nij,nkj->nki", rotation, local)


def _hidden(boxes: Boxes) -> Bool[np.ndarray, " count"]:
    """True where the source counted and neither a LiDAR point nor a camera pixel fell on the box."""
    points, pixels = boxes.column("num_lidar_points"), boxes.column("visible_pixels")
    return points.valid & pixels.valid & (points.value == 0) & (pixels.value == 0)


def _colour(category: Category, state: str | None, *, faint: bool) -> Colour:
    colour = light_colour(state) if category is Category.TRAFFIC_LIGHT and state else CATEGORY[category]
    return mixed(colour, _HIDDEN_TINT, 0.7) if faint else colour


def _own_track(frame: Frame, group: str) -> Track | None:
    """The track that the row itself holds; its invalid elements end it."""
    position = frame[f"{group}.position"]
    if position is None or not len(position):
        return None
    height, valid = frame[f"{group}.height"], frame[f"{group}.valid"]
    count = len(position) if valid is None or valid.all() else int(np.argmin(valid))
    z = np.zeros(len(position)) if height is None else height
    return np.column_stack([position, z])[:count]


def _track_over_rows(scene: Scene, row: int, *, step: int) -> Track:
    """The ego's way over later (step 1) or earlier (-1) rows, as far as they have an ego and `HORIZON_US` reaches."""
    now = scene.frame(row)
    world_from_ego = now.world_from_ego
    if world_from_ego is None:
        return np.zeros((0, 3))
    positions = [world_from_ego[:3, 3]]
    for other in range(row + step, len(scene) if step > 0 else -1, step):
        frame = scene.frame(other)
        pose = frame["ego.pose"]
        if pose is None or abs(frame.timestamp_us - now.timestamp_us) > HORIZON_US:
            break
        positions.append(pose[:3])
    return transform_points(invert(world_from_ego), np.array(positions))


def _targets(frame: Frame) -> Track:
    """Target points that still lie ahead: the first one of the list has been reached."""
    points, world_from_ego = frame["navigation.target_points"], frame.world_from_ego
    if points is None or world_from_ego is None:
        return np.zeros((0, 3))
    return transform_points(invert(world_from_ego), points[1:])
