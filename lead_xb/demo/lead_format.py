"""Writes the drive as a LEAD expert log: `data/<Scenario>/<route>/`, both rigs, 4 Hz.

Reference page `lead-expert-logs`, sections 1 to 6. Container details that LEAD leaves to the clock (the creation date
of a LAZ file) are fixed here, so that equal drives give equal bytes.
"""

from __future__ import annotations

import datetime
import io
import json
import lzma
import pickle
import zipfile
from pathlib import Path

import cv2
import laspy
import numpy as np
from jaxtyping import Float, UInt8

from lead_xb.demo.drive import Drive
from lead_xb.demo.lead_boxes import LeadBoxes
from lead_xb.demo.lead_hdmap import draw_hdmap
from lead_xb.demo.lead_metas import LeadMetas
from lead_xb.demo.lead_sensors import LeadSensors
from lead_xb.demo.lead_surroundings import JPEG_QUALITY, SCENARIO, TOWN
from lead_xb.demo.motion import TICK_HZ
from lead_xb.demo.native_carla import (
    CAMERAS,
    TICKS_PER_FRAME,
    Perturbation,
    Transform,
    camera_model,
    camera_pose,
    draw_perturbation,
    ego_transforms,
)
from lead_xb.demo.render import Painter, Picture
from lead_xb.demo.scenery import Label
from lead_xb.demo.sheet import View

DEPTH_RANGE_M = 50.0
DEPTH_RATIO = 4
LIDAR_SCALE_M = 0.1
_SKY_DEPTH_M = 1000.0
_LAZ_DATE = datetime.date(2021, 5, 26)

SEMANTIC_CLASS = {
    Label.NOTHING: 0,
    Label.BACKGROUND: 0,
    Label.VEHICLE: 1,
    Label.ROAD: 2,
    Label.TRAFFIC_LIGHT: 3,
    Label.PEDESTRIAN: 4,
    Label.ROAD_LINE: 5,
    Label.CONE: 6,
    Label.BICYCLE: 9,
}
"""LEAD's grouped classes of perspective semantics (section 7.1)."""


def write_lead(drive: Drive, root: Path) -> Path:
    """Write `root/carla_leaderboard2/data/<Scenario>/<route>` and return `root/carla_leaderboard2`.

    Every 5th of the 20 Hz ticks becomes a frame with all file kinds. Equal drives give equal bytes.
    """
    dataset = root / "carla_leaderboard2"
    route = dataset / "data" / SCENARIO / f"{TOWN}_Rep0_demo_seed{drive.seed}"
    writer = _RouteWriter(drive, route)
    for frame, tick in enumerate(range(0, drive.ticks, TICKS_PER_FRAME)):
        writer.write_frame(frame, tick)
    (route / "results.json").write_text(json.dumps(_results(drive), indent=2))
    return dataset


class _RouteWriter:
    def __init__(self, drive: Drive, route: Path) -> None:
        self._drive, self._route = drive, route
        rng = np.random.default_rng((drive.seed, 3))
        self._rigs = {"": Perturbation(), "_perturbated": draw_perturbation(rng, lane_width_m=3.5, gap_m=0.4)}
        self._ego = ego_transforms(drive.ego)
        self._painter, self._view = Painter(drive), View(camera_model())
        self._sensors = LeadSensors(drive, self._painter, ego=self._ego)
        self._boxes = LeadBoxes(drive, self._ego, sensors=self._sensors)
        self._metas = LeadMetas(drive, self._ego, perturbation=self._rigs["_perturbated"])

    def write_frame(self, frame: int, tick: int) -> None:
        """All files of one saved frame."""
        visible: dict[int, int] = {}
        for suffix, perturbation in self._rigs.items():
            pictures = self._pictures(tick, perturbation)
            self._write_pictures(frame, pictures, suffix=suffix)
            raster = draw_hdmap(self._drive.network, self._ego[tick], perturbation=perturbation)
            self._file(f"hdmap{suffix}", f"{frame:04}.png").write_bytes(_png(raster))
            arrays = self._sensors.radar_file(tick, perturbation)
            _write_npz(self._file(f"radar{suffix}", f"{frame:04}.npz"), arrays)
            visible = visible or _pixels_per_actor(pictures)
        _write_laz(self._file("lidar", f"{frame:04}.laz"), *self._sensors.stacked(tick))
        _write_pickle(self._file("bboxes", f"{frame:04}.pkl"), self._boxes.at(tick, visible))
        _write_pickle(self._file("metas", f"{frame:04}.pkl"), self._metas.at(tick))

    def _pictures(self, tick: int, perturbation: Perturbation) -> list[Picture]:
        ego: Transform = self._ego[tick]
        poses = [camera_pose(ego, mount, perturbation=perturbation) for mount in CAMERAS.values()]
        return [self._painter.paint(self._view, pose, tick=tick, labels=True) for pose in poses]

    def _write_pictures(self, frame: int, pictures: list[Picture], *, suffix: str) -> None:
        bgr = np.concatenate([picture.rgb[:, :, ::-1] for picture in pictures], axis=1)
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        _, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(bgr), quality)
        self._file(f"rgb{suffix}", f"{frame:04}.jpg").write_bytes(jpeg.tobytes())
        semantics = np.concatenate([_semantics(picture) for picture in pictures], axis=1)
        self._file(f"semantics{suffix}", f"{frame:04}.png").write_bytes(_png(semantics))
        depth = np.concatenate([_depth(picture) for picture in pictures], axis=1)
        self._file(f"depth{suffix}", f"{frame:04}.png").write_bytes(_png(encode_depth(depth)))

    def _file(self, kind: str, name: str) -> Path:
        folder = self._route / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


def encode_depth(depth_m: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "rows cols"]:
    """LEAD's 8-bit code of depth at a quarter of the size: area average, clipped at 50 m (section 2)."""
    height, width = depth_m.shape
    small = cv2.resize(depth_m, (width // DEPTH_RATIO, height // DEPTH_RATIO), interpolation=cv2.INTER_AREA)
    return np.asarray(np.floor(np.clip(small, 0.0, DEPTH_RANGE_M) / DEPTH_RANGE_M * 255.0).astype(np.uint8))


def _semantics(picture: Picture) -> UInt8[np.ndarray, "h w"]:
    assert picture.labels is not None
    table = np.zeros(256, np.uint8)
    for label, value in SEMANTIC_CLASS.items():
        table[label] = value
    return np.asarray(table[picture.labels])


def _depth(picture: Picture) -> Float[np.ndarray, "h w"]:
    assert picture.depth_m is not None
    return np.minimum(picture.depth_m, _SKY_DEPTH_M)


def _pixels_per_actor(pictures: list[Picture]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for picture in pictures:
        assert picture.numbers is not None
        numbers, sizes = np.unique(picture.numbers, return_counts=True)
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True):
            counts[number] = counts.get(number, 0) + size
    return counts


def _png(image: UInt8[np.ndarray, "h w"]) -> bytes:
    _, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    return data.tobytes()


def _write_pickle(path: Path, value: object) -> None:
    with lzma.open(path, "wb") as file:
        pickle.dump(value, file, protocol=pickle.HIGHEST_PROTOCOL)


def _write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """What `numpy.savez_compressed` writes, array by array."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.save(data, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue(), zipfile.ZIP_DEFLATED)


def _write_laz(path: Path, points: Float[np.ndarray, "n 3"], ages: UInt8[np.ndarray, " n"]) -> None:
    header = laspy.LasHeader(point_format=0, version="1.2")
    header.add_extra_dim(laspy.ExtraBytesParams(name="time", type=np.uint8))
    header.offsets, header.scales = points.min(axis=0), np.full(3, LIDAR_SCALE_M)
    header.creation_date = _LAZ_DATE
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = points.T
    cloud["time"] = ages
    cloud.write(path)


def _results(drive: Drive) -> dict[str, object]:
    kinds = (
        "collisions_layout collisions_pedestrian collisions_vehicle red_light stop_infraction outside_route_lanes "
        "min_speed_infractions yield_emergency_vehicle_infractions scenario_timeouts route_dev vehicle_blocked "
        "route_timeout"
    )
    duration = (drive.ticks - 1) / TICK_HZ
    return {
        "timestamp": "synthetic",
        "index": 0,
        "route_id": f"RouteScenario_{drive.seed}",
        "status": "Perfect",
        "num_infractions": 0,
        "infractions": {kind: [] for kind in kinds.split()},
        "scores": {"score_route": 100.0, "score_penalty": 1.0, "score_composed": 100.0},
        "meta": {
            "route_length": float(drive.ego_s_m[-1] - drive.ego_s_m[0]),
            "duration_game": duration,
            "duration_system": 1.0,
        },
    }
