"""Writes the drive as NAVSIM data: an OpenScene log with sensor files, and nuPlan maps.

Reference page `navsim`, sections 1.1 to 1.3 and 1.7. The world is the drive's plus `native_nuplan.UTM_OFFSET_M`; the
ego pose is the rear axle projected on the ground.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np

from lead_xb.demo.drive import Drive
from lead_xb.demo.native_nuplan import CAMERA_MODEL, CAMERAS, TICKS_PER_FRAME, camera_pose
from lead_xb.demo.navsim_log import frame_tokens, log_frames, log_name
from lead_xb.demo.navsim_map import write_maps
from lead_xb.demo.raycast import cast, directions
from lead_xb.demo.render import Painter
from lead_xb.demo.sheet import View

SPLIT = "mini"
JPEG_QUALITY = 90
LIDAR_POSITION_M = np.array([1.0, 0.0, 1.9])
LIDAR_RANGE_M = 80.0

_POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "u1"), ("ring", "u1"), ("lidar_info", "u1")])


def write_navsim(drive: Drive, root: Path) -> Path:
    """Write `root/openscene/{navsim_logs,sensor_blobs}/mini` and `root/maps`; returns `root/openscene`.

    One log of 2 Hz frames, all eight cameras and the merged point cloud in each. Equal drives give equal bytes.
    """
    openscene = root / "openscene"
    name = log_name(drive)
    write_maps(drive.network, root / "maps")
    painter, view = Painter(drive), View(CAMERA_MODEL)
    sensors = openscene / "sensor_blobs" / SPLIT / name
    for folder in (*CAMERAS, "MergedPointCloud"):
        (sensors / folder).mkdir(parents=True, exist_ok=True)
    for index, token in enumerate(frame_tokens(drive)):
        tick = index * TICKS_PER_FRAME
        _write_images(drive, painter, view=view, tick=tick, token=token, sensors=sensors)
        _write_cloud(drive, painter, tick=tick, path=sensors / "MergedPointCloud" / f"{token}.pcd")
    logs = openscene / "navsim_logs" / SPLIT
    logs.mkdir(parents=True, exist_ok=True)
    (logs / f"{name}.pkl").write_bytes(pickle.dumps(log_frames(drive), protocol=4))
    return openscene


def _write_images(drive: Drive, painter: Painter, *, view: View, tick: int, token: str, sensors: Path) -> None:
    for camera, mount in CAMERAS.items():
        pose = camera_pose(mount, ego_rotation=drive.ego.rotation[tick], ego_position_m=drive.ego.position_m[tick])
        rgb = painter.paint(view, pose, tick=tick).rgb
        bgr = np.ascontiguousarray(rgb[:, :, ::-1])
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        (sensors / camera / f"{token}.jpg").write_bytes(data.tobytes())


def _write_cloud(drive: Drive, painter: Painter, *, tick: int, path: Path) -> None:
    rotation, position = drive.ego.rotation[tick], drive.ego.position_m[tick]
    elevation = np.radians(np.linspace(-24.0, 8.0, 36))
    azimuth = np.arange(0, 720) * np.radians(0.5)
    origin = position + rotation @ LIDAR_POSITION_M
    rays = directions(azimuth, elevation) @ rotation.T
    returns = cast(painter.heights, painter.scenery.at(tick), origin_m=origin, rays=rays, range_m=LIDAR_RANGE_M)
    points = (returns.points_m - position) @ rotation
    record = np.zeros(len(points), _POINT)
    record["x"], record["y"], record["z"] = points.T
    record["intensity"] = np.where(returns.on_ground, 18, np.where(returns.numbers > 0, 90, 50))
    record["ring"] = returns.rays // len(azimuth)
    path.write_bytes(_pcd_header(len(record)) + record.tobytes())


def _pcd_header(count: int) -> bytes:
    lines = [
        "# .PCD v0.7 - Point Cloud Data file format",
        "VERSION 0.7",
        "FIELDS x y z intensity ring lidar_info",
        "SIZE 4 4 4 1 1 1",
        "TYPE F F F U U U",
        "COUNT 1 1 1 1 1 1",
        f"WIDTH {count}",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {count}",
        "DATA binary",
    ]
    return ("\n".join(lines) + "\n").encode()
