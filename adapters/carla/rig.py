"""The rig of a LEAD route: cameras in one horizontal strip, LiDAR with its z quirk, radars, the perturbed view.

Source: page `lead-expert-logs`, sections 3, 3.1, 4.1, 6; lead/common/config_base.py:96-311.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lead_xb.schemas.rig import Camera, Matrix, Payload, PointSensor, Rig, Vehicle, View
from lead_xb.store import frames
from lead_xb.store.frames import CARLA

VIEW = "perturbed"
STRIP = "strip"

MKZ = Vehicle(
    name="lincoln.mkz_2020",
    length_m=2 * 2.4508416652679443,
    width_m=2 * 1.0641621351242065,
    height_m=2 * 0.7553732395172119,
    wheel_base_m=2.86048,
    center_x_m=frames.CARLA_ACTOR_IN_EGO_M,
)

GROUPED_CLASSES = (
    *("unlabeled", "vehicle", "road", "traffic_light", "pedestrian"),
    *("road_line", "obstacle", "special_vehicle", "stop_sign", "biker"),
)
BEV_CLASSES = (
    *("unlabeled", "road", "sidewalk", "lane_marking", "broken_lane_marking"),
    *("stop_sign", "traffic_light_green", "traffic_light_yellow", "traffic_light_red"),
)
BEV_PIXELS_PER_M = 2.0
BEV_CENTER_PX = 128.0
BEV_SIZE_PX = 256
DEPTH_RANGE_M = {8: 50.0, 16: 96.0}


def build_rig(meta: Mapping[str, Any], *, folders: set[str], depth_bits: int) -> Rig:
    """The rig that a route's first meta describes, with the modalities that the route has.

    Args:
        meta: first meta of the route.
        folders: names of the route's folders.
        depth_bits: 8 or 16, as found in the depth images.
    """
    information = meta["sensor_information"]
    calibration = information["camera_calibration"]
    return Rig(
        source_from_ego=rows_of(frames.invert(frames.ego_from_vehicle(CARLA))),
        vehicle=MKZ,
        cameras=_cameras(calibration, folders, meta["dataset_information"]),
        payloads=_payloads(folders, meta["dataset_information"], depth_bits),
        points=_point_sensors(information, folders),
        views=_views(meta, folders),
    )


def image_sizes(rig: Rig) -> dict[str, tuple[int, int]]:
    """Column -> width and height that its images must have, px: what the crops of all cameras cover."""
    sizes: dict[str, tuple[int, int]] = {}
    for camera in rig.cameras:
        for column, (x, y, width, height) in camera.crops.items():
            known = sizes.get(column, (0, 0))
            sizes[column] = (max(known[0], x + width), max(known[1], y + height))
    return {**sizes, "bev_map.hdmap": (BEV_SIZE_PX, BEV_SIZE_PX)}


def rows_of(matrix: np.ndarray) -> Matrix:
    """A matrix as the nested tuples that a rig holds."""
    return tuple(tuple(float(value) for value in row) for row in matrix)


def _cameras(
    calibration: Mapping[Any, Mapping[str, Any]], folders: set[str], information: Mapping[str, Any]
) -> tuple[Camera, ...]:
    ratio = int(information["save_depth_resolution_ratio"]) if information["save_depth_lower_resolution"] else 1
    cameras, left = [], 0
    for number in sorted(calibration):
        spec = calibration[number]
        width, height = int(spec["width"]), int(spec["height"])
        crop = (left, 0, width, height)
        crops = {f"image.{STRIP}": crop}
        if "semantics" in folders:
            crops[f"semantic.{STRIP}"] = crop
        if "depth" in folders:
            crops[f"depth.{STRIP}"] = (left // ratio, 0, width // ratio, height // ratio)
        focal = width / (2.0 * math.tan(math.radians(spec["fov"]) / 2.0))
        cameras.append(
            Camera(
                name=f"camera_{number}",
                width=width,
                height=height,
                model="pinhole",
                parameters={"focal": (focal, focal), "center": (width / 2.0, height / 2.0), "distortion": ()},
                ego_from_camera=rows_of(camera_mount(spec["pos"], spec["rot"])),
                crops=crops,
            )
        )
        left += width
    return tuple(cameras)


def camera_mount(position: list[float], rotation_deg: list[float]) -> np.ndarray:
    """ego_from_camera with OpenCV axes from a CARLA mounting (x, y, z in m; roll, pitch, yaw in degrees)."""
    roll, pitch, yaw = rotation_deg
    mount = frames.carla_matrix(np.array(position, float), roll_deg=roll, pitch_deg=pitch, yaw_deg=yaw)
    return frames.camera_to_ego(frames.mount_to_ego(mount, CARLA), "waymo")


def _payloads(folders: set[str], information: Mapping[str, Any], depth_bits: int) -> tuple[Payload, ...]:
    grouped = bool(information["save_grouped_semantic"])
    classes = dict(enumerate(GROUPED_CLASSES)) if grouped else {}
    known = {
        "rgb": Payload(column=f"image.{STRIP}", codec="jpeg", coding="rgb"),
        "3rd_person": Payload(column="image.third_person", codec="jpeg", coding="rgb"),
        "semantics": Payload(
            column=f"semantic.{STRIP}",
            codec="png",
            coding="class" if grouped else "carla_tag",
            classes={str(code): name for code, name in classes.items()},
        ),
        "instance": Payload(column="semantic.instance", codec="png", coding="carla_instance"),
        "depth": Payload(
            column=f"depth.{STRIP}",
            codec="png",
            coding="depth_linear",
            bits=depth_bits,
            max_depth_m=DEPTH_RANGE_M[depth_bits],
        ),
        "hdmap": Payload(
            column="bev_map.hdmap",
            codec="png",
            coding="class",
            classes={str(code): name for code, name in enumerate(BEV_CLASSES)},
            pixel_from_ego=_bev_grid(),
        ),
    }
    return tuple(payload for folder, payload in known.items() if folder in folders)


def _bev_grid() -> Matrix:
    """(column, row) = A (x, y, 1): column = 128 + 2 x_actor, row = 128 + 2 y_actor with CARLA's y to the right."""
    scale = BEV_PIXELS_PER_M
    actor_from_ego = frames.invert(frames.ego_from_vehicle(CARLA))
    rows = [[*(scale * actor_from_ego[axis, :2]), BEV_CENTER_PX + scale * actor_from_ego[axis, 3]] for axis in (0, 1)]
    return rows_of(np.array(rows))


def _point_sensors(information: Mapping[str, Any], folders: set[str]) -> tuple[PointSensor, ...]:
    """LEAD lowers each cloud by half of its sensor's mounting height; the rig takes it back up."""
    sensors = []
    if "lidar" in folders:
        shift = float(information["lidar_pos_1"][2]) / 2.0
        sensors.append(
            PointSensor(
                column="lidar.top", ego_from_sensor=_raised(shift), coordinates="int32", attributes={"time": "uint8"}
            )
        )
    if "camera_pc" in folders:
        heights = [float(spec["pos"][2]) for spec in information["camera_calibration"].values()]
        sensors.append(
            PointSensor(
                column="lidar.camera_pc",
                ego_from_sensor=_raised(heights[0] / 2.0),
                coordinates="float32",
                attributes={"carla_tag": "float32", "instance": "float32"},
            )
        )
    if "radar" in folders:
        for number, spec in sorted(information["radar_calibration"].items()):
            sensors.append(
                PointSensor(
                    column=f"radar.radar{number}",
                    ego_from_sensor=_raised(float(spec["pos"][2]) / 2.0),
                    coordinates="float16",
                    attributes={"velocity": "float16"},
                )
            )
    return tuple(sensors)


def _raised(shift_m: float) -> Matrix:
    return rows_of(frames.ego_from_vehicle(CARLA) @ frames.translation(0.0, 0.0, shift_m))


def _views(meta: Mapping[str, Any], folders: set[str]) -> tuple[View, ...]:
    if not any(folder.endswith("_perturbated") for folder in folders):
        return ()
    matrix = frames.carla_view_from_ego(
        translation_m=float(meta["perturbation_translation"]), rotation_deg=float(meta["perturbation_rotation"])
    )
    return (View(name=VIEW, view_from_ego=rows_of(matrix)),)
