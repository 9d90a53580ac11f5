"""OpenScene's calibration -> the rig, and back.

A log repeats the calibration in every frame; it becomes the scene's rig, and a row carries a rig of its own only
where its calibration differs in some bit.
Source: reference page `navsim`, sections 1.2 (cams, lidar2ego) and 3 (the vehicle).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from lead_xb.adapters.navsim.fields import Fields
from lead_xb.adapters.navsim.payloads import native_path
from lead_xb.adapters.navsim.sensors import IDENTITY, Sensors, camera_entries, image_column
from lead_xb.adapters.navsim.survey import Survey
from lead_xb.schemas.rig import Camera, Matrix, Payload, PointSensor, Rig, Vehicle
from lead_xb.store.frame import Frame
from lead_xb.store.frames import NUPLAN_CENTER_IN_EGO_M, quaternion_to_rotation

PACIFICA = Vehicle(
    name="pacifica",
    length_m=5.176,
    width_m=2.297,
    height_m=1.777,
    wheel_base_m=3.089,
    center_x_m=NUPLAN_CENTER_IN_EGO_M,
)
CALIBRATION = ("sensor2lidar_rotation", "sensor2lidar_translation", "cam_intrinsic", "distortion")


@dataclass
class RigReader:
    """Makes the rig of each frame of a scene; equal calibrations are read once.

    Attributes:
        survey: sizes and encodings of the scene's sensor files.
        cameras_key: `cams` in logs, `camera_dict` in synthetic scenes.
    """

    survey: Survey
    cameras_key: str
    _cameras: dict[tuple[Any, ...], Camera] = field(default_factory=dict)
    _json: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def scene_rig(self, frames: Sequence[Fields]) -> Rig:
        """The rig of a scene: each camera as its first frame calibrates it, none with `sensors=none`.

        DataError for a bad calibration; a camera without one has no entry.
        """
        if self.survey.options.sensors is Sensors.NONE:
            return Rig(source_from_ego=IDENTITY, vehicle=PACIFICA)
        cameras: dict[str, Camera] = {}
        for frame in frames:
            for name, entry in camera_entries(frame, self.cameras_key).items():
                if name not in cameras and _is_calibrated(entry):
                    cameras[name] = self._camera(entry, name, _lidar_to_ego(frame))
        return Rig(
            source_from_ego=IDENTITY,
            vehicle=PACIFICA,
            cameras=tuple(cameras.values()),
            payloads=tuple(
                Payload(column=image_column(name), codec=self.survey.codec(name), coding="rgb")
                for name in self.survey.headers
            ),
            points=self._points(_lidar_to_ego(frames[0])),
        )

    def row_rig(self, frame: Fields, scene_rig: Rig) -> str | None:
        """JSON of the frame's rig where it differs from the scene's, else None."""
        if self.survey.options.sensors is Sensors.NONE:
            return None
        entries, lidar_to_ego = camera_entries(frame, self.cameras_key), _lidar_to_ego(frame)
        cameras = []
        for camera in scene_rig.cameras:
            entry = entries.get(camera.name)
            if entry is None:
                cameras.append(camera)  # it did not record
            elif _is_calibrated(entry):
                cameras.append(self._camera(entry, camera.name, lidar_to_ego))
        points = self._points(lidar_to_ego)
        if tuple(cameras) == scene_rig.cameras and points == scene_rig.points:
            return None
        key = (*map(id, cameras), lidar_to_ego)
        if key not in self._json:
            self._json[key] = replace(scene_rig, cameras=tuple(cameras), points=points).to_json()
        return self._json[key]

    def lacks(self, frames: Sequence[Fields]) -> tuple[str, ...]:
        """Cameras that record without a calibration, in words."""
        if self.survey.options.sensors is Sensors.NONE:
            return ()
        total: Counter[str] = Counter()
        without: Counter[str] = Counter()
        for frame in frames:
            entries = camera_entries(frame, self.cameras_key)
            total.update(entries.keys())
            without.update(name for name, entry in entries.items() if not _is_calibrated(entry))
        parts = {name: "" if n == total[name] else f" in {n} of {total[name]} rows" for name, n in without.items()}
        return tuple(f"{name}: no calibration{part}" for name, part in sorted(parts.items()))

    def _camera(self, entry: Fields, name: str, lidar_to_ego: Matrix) -> Camera:
        key = (name, lidar_to_ego, *(_bits(entry.values.get(part)) for part in CALIBRATION))
        if key not in self._cameras:
            self._cameras[key] = self.survey.placed(read_camera(entry, name, lidar_to_ego))
        return self._cameras[key]

    def _points(self, lidar_to_ego: Matrix) -> tuple[PointSensor, ...]:
        cloud = self.survey.cloud
        if cloud is None:
            return ()
        return (replace(cloud, ego_from_sensor=lidar_to_ego),)


def read_camera(entry: Fields, name: str, lidar_to_ego: Matrix) -> Camera:
    """A camera of the log: pinhole with OpenCV's distortion, size (0x0) and crops still unset.

    Raises:
        DataError: no rotation, an intrinsic matrix with skew or without focal lengths, or a wrong shape.
    """
    lidar_from_camera = np.eye(4)
    lidar_from_camera[:3, :3] = entry.rotation("sensor2lidar_rotation")
    lidar_from_camera[:3, 3] = entry.numbers("sensor2lidar_translation", 3)
    intrinsic = entry.numbers("cam_intrinsic", 3, 3)
    (fx, skew, cx), (zero, fy, cy), last = intrinsic.tolist()
    if skew != 0 or zero != 0 or last != [0.0, 0.0, 1.0] or fx <= 0 or fy <= 0:
        raise entry.error("cam_intrinsic", "[[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with positive focal lengths")
    # The product with the identity would be equal but for the sign of zeros.
    ego_from_camera = lidar_from_camera if lidar_to_ego == IDENTITY else np.array(lidar_to_ego) @ lidar_from_camera
    return Camera(
        name=name,
        width=None,
        height=None,
        model="pinhole",
        parameters={
            "focal": (fx, fy),
            "center": (cx, cy),
            "distortion": tuple(entry.numbers("distortion", 5).tolist()),
        },
        ego_from_camera=_as_tuples(ego_from_camera),
        crops={},
    )


def rebuild_cameras(frame: Frame, name_of: Callable[[str], str] = str) -> dict[str, Any]:
    """The `cams` dictionary of a row from its rig and its image cells; `name_of` says how the source writes names."""
    return {
        name_of(camera.name): {
            "data_path": native_path(frame, image_column(camera.name)),
            **_calibration(camera.parameters, np.array(camera.ego_from_camera)),
        }
        for camera in frame.rig.cameras
    }


def _calibration(
    parameters: Mapping[str, tuple[float, ...]], ego_from_camera: Float64[np.ndarray, "4 4"]
) -> dict[str, Any]:
    (fx, fy), (cx, cy) = parameters["focal"], parameters["center"]
    return {
        "sensor2lidar_rotation": ego_from_camera[:3, :3],
        "sensor2lidar_translation": ego_from_camera[:3, 3],
        "cam_intrinsic": np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
        "distortion": np.array(parameters["distortion"]),
    }


def _is_calibrated(entry: Fields) -> bool:
    return all(part in entry for part in CALIBRATION)


def _lidar_to_ego(frame: Fields) -> Matrix:
    """ego_from_lidar of a frame; synthetic scenes have none, their lidar frame is the ego frame."""
    if "lidar2ego_rotation" not in frame.values:
        return IDENTITY
    rotation, position = frame.quaternion("lidar2ego_rotation"), frame.numbers("lidar2ego_translation", 3)
    matrix = np.eye(4)
    if rotation.tolist() != [1.0, 0.0, 0.0, 0.0]:
        matrix[:3, :3] = quaternion_to_rotation(rotation)
    matrix[:3, 3] = position
    return _as_tuples(matrix)


def _as_tuples(matrix: Float64[np.ndarray, "4 4"]) -> Matrix:
    return tuple(tuple(row) for row in matrix.tolist())


def _bits(value: Any) -> Any:
    """A hashable form that is equal only for equal bits."""
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)
