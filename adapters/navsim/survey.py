"""What the sensor files of a scene have in common, found before its first row is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lead_xb.adapters.navsim.fields import Fields
from lead_xb.adapters.navsim.images import ImageHeader, read_image_header, resize_camera
from lead_xb.adapters.navsim.sensors import (
    IDENTITY,
    LIDAR,
    LIDAR_COLUMN,
    Blobs,
    Images,
    SensorFile,
    SensorOptions,
    Sensors,
    image_column,
    open_file,
    sensor_paths,
)
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Camera, PointSensor
from lead_xb.store.pcd import PcdHeader, read_header


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What is known of a scene's sensors.

    Attributes:
        options: how they are read.
        headers: camera -> encoding and size of its first image; cameras without any file are not in it.
        cloud: the point sensor, None without any file.
        missing: paths of files that do not exist.
        lacks: missing files in words, one entry a sensor.
    """

    options: SensorOptions
    headers: Mapping[str, ImageHeader] = field(default_factory=dict)
    cloud: PointSensor | None = None
    missing: frozenset[str] = frozenset()
    lacks: tuple[str, ...] = ()

    def codec(self, name: str) -> str:
        """Encoding of a camera's stored images."""
        return "jpeg" if self.options.images is Images.RESIZE else self.headers[name].codec

    def placed(self, camera: Camera) -> Camera:
        """A calibrated camera with its size and its payload column; without any image both stay unset."""
        header = self.headers.get(camera.name)
        if header is None:
            return camera
        camera = replace(camera, width=header.width, height=header.height)
        if self.options.image_size is not None:
            camera = resize_camera(camera, self.options.image_size)
        return replace(camera, crops={image_column(camera.name): (0, 0, *camera.size)})


def survey(
    frames: Sequence[Fields],
    cameras_key: str,
    *,
    blobs: Blobs,
    options: SensorOptions,
    required: Collection[int] | None = None,
) -> Survey:
    """Look for every sensor file of a scene and into the first one of each sensor.

    Args:
        frames: the native frames.
        cameras_key: `cams` in logs, `camera_dict` in synthetic scenes.
        blobs: where the files lie.
        options: how they are read.
        required: rows whose files must exist with `sensors=required`; None for all.

    Raises:
        DataError: such a file is missing, or the first one of a sensor is damaged.
    """
    if options.sensors is Sensors.NONE:
        return Survey(options=options, lacks=("sensors",))
    needs_all = options.sensors is Sensors.REQUIRED and required is None
    found = _Files(blobs)
    for row, frame in enumerate(frames):
        needed = needs_all or (options.sensors is Sensors.REQUIRED and row in (required or ()))
        for name, path in sensor_paths(frame, cameras_key).items():
            found.look_for(name, path, needed_in=frame if needed else None)
    opened = {name: _require(open_file(blobs, path, whole=False), blobs, path) for name, path in found.first.items()}
    return Survey(
        options=options,
        headers={name: image_header(file) for name, file in opened.items() if name != LIDAR},
        cloud=_cloud(opened[LIDAR]) if LIDAR in opened else None,
        missing=frozenset().union(*found.missing.values()),
        lacks=found.lacks(),
    )


@dataclass(frozen=True, slots=True)
class _Files:
    """Files of a scene by sensor: the first one that exists, how many are named, and which are missing."""

    blobs: Blobs
    first: dict[str, str] = field(default_factory=dict)
    total: Counter[str] = field(default_factory=Counter)
    missing: dict[str, list[str]] = field(default_factory=dict)

    def look_for(self, name: str, path: str, *, needed_in: Fields | None) -> None:
        self.total[name] += 1
        if name == LIDAR and not self.blobs.has_lidar:
            return
        if self.blobs.holds(path):
            self.first.setdefault(name, path)
        elif needed_in is None:
            self.missing.setdefault(name, []).append(path)
        else:
            reason = f"the file of {name} in {needed_in.place} of {Path(needed_in.path).name} is missing"
            raise self.blobs.missing(path, reason)

    def lacks(self) -> tuple[str, ...]:
        missing = sorted(self.missing.items())
        lacks = [f"{name}: {len(paths)} of {self.total[name]} files missing" for name, paths in missing]
        if self.total[LIDAR] and not self.blobs.has_lidar:
            lacks.append(f"{LIDAR}: not shipped with {self.blobs.root_id}")
        return tuple(lacks)


def image_header(file: SensorFile) -> ImageHeader:
    """Encoding and size of an image; DataError if it is none or is cut off."""
    header = read_image_header(file.data, file.path)
    if header is None and not file.whole:
        header = read_image_header(Path(file.path).read_bytes(), file.path)
    if header is None:
        raise DataError(file.path, "the image is cut off", advice="get the file again from its publisher")
    return header


def point_sensor(header: PcdHeader) -> PointSensor:
    """The point sensor of a cloud, at the ego origin."""
    return PointSensor(
        column=LIDAR_COLUMN,
        ego_from_sensor=IDENTITY,
        coordinates=header.coordinates,
        attributes=header.attributes,
    )


def _cloud(file: SensorFile) -> PointSensor:
    return point_sensor(read_header(file.data, file.length, file.path))


def _require(file: SensorFile | None, blobs: Blobs, path: str) -> SensorFile:
    if file is None:
        raise blobs.missing(path, "has vanished during the conversion")
    return file
