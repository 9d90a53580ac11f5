"""A three-row scene, made in a few lines, for tests of the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lead_xb.schemas.rig import Camera, Matrix, Payload, PointSensor, Rig
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.points import NativeCloud, pack_points
from lead_xb.store.writer import Written, write_rows

IDENTITY: Matrix = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
RAISED: Matrix = ((1.0, 0.0, 0.0, 0.5), (0.0, -1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 2.0), (0.0, 0.0, 0.0, 1.0))

RIG = Rig(
    source_from_ego=IDENTITY,
    cameras=(
        Camera(
            name="right",
            width=4,
            height=6,
            model="pinhole",
            parameters={"focal": (4.0, 4.0), "center": (2.0, 3.0), "distortion": ()},
            ego_from_camera=IDENTITY,
            crops={"image.strip": (4, 0, 4, 6)},
        ),
    ),
    payloads=(
        Payload(column="image.strip", codec="png", coding="rgb"),
        Payload(column="depth.strip", codec="png", coding="depth_linear", bits=8, max_depth_m=51.0),
    ),
    points=(
        PointSensor(column="lidar.top", ego_from_sensor=RAISED, coordinates="int32", attributes={"time": "uint8"}),
    ),
)

RGB = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
DEPTH_CODES = np.arange(12, dtype=np.uint8).reshape(3, 4)


def png(image: np.ndarray) -> bytes:
    """PNG bytes of an RGB or single-channel image."""
    ok, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    assert ok
    return bytes(data.tobytes())


def cloud(row: int) -> NativeCloud:
    """Two points in an integer quantum of 0.1 m."""
    coordinates = np.array([[10, 20, 30], [row, -5, 0]], np.int32)
    return NativeCloud(coordinates, {"time": np.array([0, 3], np.uint8)}, np.full(3, 0.1), np.array([1.0, 0.0, 0.0]))


def meta(scene_id: str = "tiny", **changes: Any) -> SceneMeta:
    """Metadata of a scene without a map."""
    values: dict[str, Any] = {
        "scene_id": scene_id,
        "source": "carla",
        "location": "Town01",
        "map_id": None,
        "folder": "",
        "rig": RIG,
    }
    return SceneMeta(**{**values, **changes})


def row(number: int, scene_id: str = "tiny") -> dict[str, Any]:
    """A row with an ego, boxes, an image, depth and points."""
    return {
        "frame.token": f"{scene_id}{number}",
        "frame.timestamp_us": number * 250_000,
        "frame.is_key": True,
        "frame.kind": "recorded",
        "ego.pose": np.array([number, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
        "ego.speed": 4.0,
        "ego.acceleration": np.array([3.0, 4.0]),
        "navigation.command": 4,
        "navigation.route": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "boxes": {
            "category": np.array([2, 5], np.int8),
            "center": np.array([[10.0, 5.0, 0.5], [4.0, -1.0, 0.9]]),
            "size": np.array([[4.0, 2.0, 1.0], [0.5, 0.5, 1.8]]),
            "yaw": np.array([0.1, -0.2]),
            "track_token": ["7", "8"],
            "velocity": [None, np.array([1.0, 0.0])],
            "brake": np.ma.array([0.5, 0.0], mask=[False, True]),
        },
        "image.strip": {"bytes": png(RGB)},
        "depth.strip": {"bytes": png(DEPTH_CODES)} if number else None,
        "lidar.top": pack_points(cloud(number), timestamp_us=5),
    }


def write(path: Path, rows: int = 3, scene_id: str = "tiny") -> Written:
    """Write a tiny scene."""
    return write_rows(path, meta(scene_id), ((row(n, scene_id), None) for n in range(rows)))
