"""Tiny native NAVSIM data, made here, and short ways to convert it."""

from __future__ import annotations

import io
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.standins import Standin

GOLDEN = Path(__file__).parents[2] / "golden" / "navsim" / "native"
LOG = "2021.01.02.03.04.05_veh-01_00000_00060"
CAMERAS = ("CAM_F0", "CAM_B0")
IMAGE_SIZE = (64, 48)
FORWARD = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
BACKWARD = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
LIDAR_TYPE = np.dtype([(axis, "<f4") for axis in "xyz"] + [("intensity", "u1"), ("ring", "u1"), ("lidar_id", "u1")])

Frames = list[dict[str, Any]]


def native_frames(count: int = 3) -> Frames:
    """Frames of one log as OpenScene writes them, with two cameras and two boxes."""
    return [_frame(index, count) for index in range(count)]


def _frame(index: int, count: int) -> dict[str, Any]:
    pose = np.array([330000.5 + 4.0 * index, 4690000.25, 12.0, 0.8, 0.0, 0.0, 0.6])
    acceleration, velocity, turn = [0.5, -0.25, 0.125], [8.0, 0.0625, 0.01], [0.001, -0.002, 0.03]
    matrix = np.eye(4)
    matrix[:3, :3] = [[0.28, -0.96, 0.0], [0.96, 0.28, 0.0], [0.0, 0.0, 1.0]]
    matrix[:3, 3] = pose[:3]
    return {
        "token": token(index),
        "frame_idx": index,
        "timestamp": 1_600_000_000_000_000 + 500_123 * index,
        "log_name": LOG,
        "log_token": "a" * 16,
        "scene_name": "log-0001-scene-0001",
        "scene_token": "b" * 16,
        "map_location": "us-ma-boston",
        "roadblock_ids": ["10001", "40001"],
        "vehicle_name": "veh-01",
        "can_bus": np.array([*pose, *acceleration, *velocity, *turn, 0.0, 0.0]),
        "lidar_path": f"{LOG}/MergedPointCloud/{token(index)}.pcd",
        "lidar2ego_translation": np.zeros(3),
        "lidar2ego_rotation": [1.0, 0.0, 0.0, 0.0],
        "ego2global_translation": pose[:3],
        "ego2global_rotation": pose[3:],
        "ego_dynamic_state": [*velocity[:2], *acceleration[:2]],
        "traffic_lights": [(30001, False), (30005, True)],
        "driving_command": np.array([0, 0, 1, 0]),
        "cams": {name: _camera(name, index) for name in CAMERAS},
        "sample_prev": token(index - 1) if index else None,
        "sample_next": token(index + 1) if index + 1 < count else None,
        "ego2global": matrix,
        "lidar2ego": np.eye(4),
        "lidar2global": matrix,
        "anns": {
            "gt_boxes": np.array([[10.0, 2.0, 0.5, 4.5, 1.9, 1.6, 3.5], [5.0, -3.0, 0.6, 0.5, 0.6, 1.8, -0.1]]),
            "gt_names": np.array(["vehicle", "czone_sign"]),
            "gt_velocity_3d": np.array([[7.0, 0.5, 0.1], [0.0, 0.0, -0.0]]),
            "instance_tokens": [f"i{index}0", f"i{index}1"],
            "track_tokens": ["t0", "t1"],
        },
    }


def token(index: int) -> str:
    """Token of frame `index`."""
    return f"{index:016x}"


def _camera(name: str, index: int) -> dict[str, Any]:
    return {
        "data_path": f"{LOG}/{name}/{token(index)}.jpg",
        "sensor2lidar_rotation": FORWARD if name == "CAM_F0" else BACKWARD,
        "sensor2lidar_translation": np.array([2.0, 0.0, 1.5]),
        "cam_intrinsic": np.array([[50.0, 0.0, 32.0], [0.0, 51.0, 24.5], [0.0, 0.0, 1.0]]),
        "distortion": np.array([-0.3, 0.1, -0.002, 0.0004, -0.05]),
    }


def write_log(root: Path, frames: Any, *, folder: str = "mini", name: str = LOG) -> Path:
    """Pickle a log below an OPENSCENE_DATA_ROOT."""
    path = root / "navsim_logs" / folder / f"{name}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(frames, protocol=pickle.HIGHEST_PROTOCOL))
    return path


def write_sensors(root: Path, frames: Frames, *, folder: str = "mini") -> None:
    """The images and clouds that frames name, each a little different."""
    generator = np.random.default_rng(7)
    for index, frame in enumerate(frames):
        for entry in frame["cams"].values():
            write_bytes(root / "sensor_blobs" / folder / entry["data_path"], jpeg(brightness=40 + 20 * index))
        points = np.zeros(5 + index, LIDAR_TYPE)
        for field in LIDAR_TYPE.names or ():
            points[field] = generator.uniform(0, 100, len(points)).astype(points[field].dtype)
        write_bytes(root / "sensor_blobs" / folder / frame["lidar_path"], pcd(points))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def jpeg(size: tuple[int, int] = IMAGE_SIZE, brightness: int = 128) -> bytes:
    """A JPEG of (width, height)."""
    image = np.full((size[1], size[0], 3), brightness, np.uint8)
    image[: size[1] // 2] //= 2
    return bytes(cv2.imencode(".jpg", image)[1])


def pcd(points: np.ndarray, **changes: str) -> bytes:
    """A binary PCD; `changes` replaces header lines by their first word."""
    letters = {"f": "F", "u": "U", "i": "I"}
    kinds = [points.dtype[name] for name in points.dtype.names or ()]
    header = {
        "VERSION": "0.7",
        "FIELDS": " ".join(points.dtype.names or ()),
        "SIZE": " ".join(str(kind.itemsize) for kind in kinds),
        "TYPE": " ".join(letters[kind.kind] for kind in kinds),
        "COUNT": " ".join("1" for _ in kinds),
        "WIDTH": str(len(points)),
        "HEIGHT": "1",
        "VIEWPOINT": "0 0 0 1 0 0 0",
        "POINTS": str(len(points)),
        "DATA": "binary",
    } | changes
    lines = ["# .PCD v0.7 - Point Cloud Data file format", *(f"{key} {value}" for key, value in header.items())]
    return "\n".join([*lines, ""]).encode() + points.tobytes()


def convert_log(root: Path, out: Path, *, maps: Path | None = None, **options: Any) -> Scene:
    """The scene of a source that holds one log."""
    source = NavsimConfig(source=root, maps=maps, **options).build()
    (task,) = (task for task in source.tasks() if task.kind == "scene")
    task.write(out)
    return open_scene(out, roots=source.roots)


def edited(key: str, change: Callable[[Any], Any], *, frame: int = 1) -> Frames:
    """Frames of which one has a changed value."""
    frames = native_frames()
    frames[frame] = {**frames[frame], key: change(frames[frame][key])}
    return frames


def without(key: str, *, frame: int = 1) -> Frames:
    """Frames of which one lacks a key."""
    frames = native_frames()
    frames[frame] = {name: value for name, value in frames[frame].items() if name != key}
    return frames


class NuplanPickler(pickle.Pickler):
    """Writes stand-ins as what they stand for: objects of nuPlan classes, here empty ones in made-up modules."""

    def reducer_override(self, obj: object) -> Any:
        """A constructor call, and the attributes where there are any."""
        if not isinstance(obj, Standin):
            return NotImplemented
        kind = _nuplan_class(obj.qualified_name)
        return (kind, obj.args, obj.state) if obj.state else (kind, obj.args)


def nuplan_bytes(content: Any) -> bytes:
    """A pickle of plain values and stand-ins that names nuPlan's classes."""
    buffer = io.BytesIO()
    known = set(sys.modules)
    NuplanPickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(content)
    for name in set(sys.modules) - known:
        if name.partition(".")[0] == "nuplan":
            del sys.modules[name]
    return buffer.getvalue()


def _nuplan_class(qualified_name: str) -> type:
    module_name, _, name = qualified_name.rpartition(".")
    parts = module_name.split(".")
    for count in range(1, len(parts) + 1):
        parent = ".".join(parts[:count])
        sys.modules.setdefault(parent, types.ModuleType(parent))
    module = sys.modules[module_name]
    if not hasattr(module, name):
        setattr(module, name, type(name, (), {"__module__": module_name}))
    found: type = getattr(module, name)
    return found
