"""Camera images and merged LiDAR clouds of a scene: which files there are, and their cells.

An image is known by its header (encoding, size) and, where it is hashed, by its SHA-256; only `images=resize`
decodes it. A cloud's header must agree with the size of its file; only `lidar=keep` reads its points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from lead_xb.adapters.navsim.fields import Fields
from lead_xb.adapters.navsim.images import ImageHeader, read_image_header, resize_camera, resize_image
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Camera, Matrix, PointSensor
from lead_xb.store.frame import Frame
from lead_xb.store.lossless import MISSING
from lead_xb.store.payload import reference_to
from lead_xb.store.pcd import PcdHeader, read_cloud, read_header, write_cloud
from lead_xb.store.points import pack_points

LOG_ROOT_ID = "sensor_blobs"
LIDAR, LIDAR_COLUMN = "lidar", "lidar.merged"
LIDAR_HEADER = "\0lidar_header"
"""Key beside the native ones under which a row keeps the text of its PCD header."""
NATIVE_SIZE = (1920, 1080)
"""Size of OpenScene's images (reference page, section 1.2): what the intrinsics refer to where no file is read."""
_HEAD_BYTES = 1 << 16
IDENTITY: Matrix = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))


class Images(StrEnum):
    """What becomes of the camera images."""

    REFERENCE = "reference"
    KEEP = "keep"
    RESIZE = "resize"


class Clouds(StrEnum):
    """What becomes of the LiDAR clouds."""

    REFERENCE = "reference"
    KEEP = "keep"


class Sensors(StrEnum):
    """What a missing sensor file is: an error, a null, or not looked for."""

    REQUIRED = "required"
    PRESENT = "present"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorOptions:
    """How sensor files are read. `image_size` (width, height) and `image_quality` belong to `RESIZE`."""

    images: Images = Images.REFERENCE
    image_size: tuple[int, int] | None = None
    image_quality: int = 95
    lidar: Clouds = Clouds.REFERENCE
    sensors: Sensors = Sensors.REQUIRED
    hash_references: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Blobs:
    """Where the paths of a pickle lead: to `root / (prefix + path)`, stored as `prefix + path` of `root_id`."""

    root_id: str
    root: Path
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """A sensor file: its beginning, or all of it."""

    path: str
    data: bytes
    whole: bool
    length: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the sensor files of a scene have in common, known before its first row is written.

    Attributes:
        headers: camera -> encoding and size of its first image.
        cloud: the point sensor, None without clouds.
        lacks: missing files in words, one entry a sensor.
        options: how they are read.
    """

    options: SensorOptions
    headers: Mapping[str, ImageHeader] = field(default_factory=dict)
    cloud: PointSensor | None = None
    lacks: tuple[str, ...] = ()

    def codec(self, name: str) -> str:
        """Encoding of a camera's stored images."""
        return "jpeg" if self.options.images is Images.RESIZE else self.headers[name].codec

    def placed(self, camera: Camera) -> Camera:
        """A calibrated camera with its size and, where its images are stored, its payload column."""
        header = self.headers.get(camera.name)
        width, height = NATIVE_SIZE if header is None else (header.width, header.height)
        camera = replace(camera, width=width, height=height)
        if header is None:
            return camera
        if self.options.image_size is not None:
            camera = resize_camera(camera, self.options.image_size)
        return replace(camera, crops={image_column(camera.name): (0, 0, camera.width, camera.height)})


def image_column(camera: str) -> str:
    """`image.cam_f0` for `CAM_F0`."""
    return f"image.{camera.lower()}"


def sensor_paths(frame: Fields, cameras_key: str) -> dict[str, str]:
    """Sensor -> the path that a frame names: cameras by their names, and `lidar`. DataError for a bad path."""
    entries = frame.fields(cameras_key)
    paths = {}
    for name, entry in entries.values.items():
        if not isinstance(name, str) or not name.isidentifier() or name == LIDAR:
            raise DataError(entries.path, f"{entries.place} has a camera {name!r}, expected a name like CAM_F0")
        if entry:
            paths[name] = entries.fields(name).file_path("data_path")
    return {**paths, LIDAR: frame.file_path("lidar_path")} if "lidar_path" in frame else paths


def survey(frames: Sequence[Fields], cameras_key: str, blobs: Blobs, options: SensorOptions) -> Survey:
    """Look for every sensor file of a scene and into the first one of each sensor.

    Raises:
        DataError: a file is missing (`sensors=required`), or the first one of a sensor is damaged.
    """
    if options.sensors is Sensors.NONE:
        return Survey(options=options, lacks=("sensors",))
    first: dict[str, str | None] = {}
    total: dict[str, int] = {}
    missing: dict[str, int] = {}
    for frame in frames:
        for name, path in sensor_paths(frame, cameras_key).items():
            present = _exists(blobs.root / (blobs.prefix + path))
            if not present and options.sensors is Sensors.REQUIRED:
                raise _missing(
                    blobs, path, f"the file of {name} in {frame.place} of {Path(frame.path).name} is missing"
                )
            first[name] = first.get(name) or (path if present else None)
            total[name] = total.get(name, 0) + 1
            missing[name] = missing.get(name, 0) + (not present)
    return Survey(
        options=options,
        headers={name: _image_header(_open(blobs, path, whole=False)) for name, path in first.items() if name != LIDAR},
        cloud=_point_sensor(_open(blobs, first[LIDAR], whole=False)) if LIDAR in first else None,
        lacks=tuple(f"{name}: {n} of {total[name]} files missing" for name, n in sorted(missing.items()) if n),
    )


@dataclass(frozen=True, slots=True)
class SensorReader:
    """Reads the sensor cells of each frame of a scene."""

    cameras_key: str
    blobs: Blobs
    survey: Survey

    def cells(self, frame: Fields) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sensor cells of a frame, and what must be kept beside its native values. DataError for a damaged file."""
        if self.survey.options.sensors is Sensors.NONE:
            return {}, {}
        paths = sensor_paths(frame, self.cameras_key)
        cells = {image_column(name): self._image(name, path) for name, path in paths.items() if name != LIDAR}
        if LIDAR not in paths:
            return cells, {}
        cloud, beside = self._cloud(paths[LIDAR])
        return {**cells, LIDAR_COLUMN: cloud}, beside

    def _image(self, name: str, path: str) -> dict[str, Any] | None:
        options = self.survey.options
        keep = options.images is not Images.REFERENCE
        file = self._open(path, whole=keep or options.hash_references)
        if file is None:
            return None
        found, expected = _image_header(file), self.survey.headers[name]
        if found != expected:
            raise DataError(file.path, f"is a {_words(found)}, but earlier images of {name} are {_words(expected)}")
        if options.image_size is not None:
            quality = options.image_quality
            return {"bytes": resize_image(file.data, options.image_size, quality=quality, where=file.path)}
        return {"bytes": file.data} if keep else {"reference": self._reference(path, file)}

    def _cloud(self, path: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        options = self.survey.options
        keep = options.lidar is Clouds.KEEP
        file = self._open(path, whole=keep or options.hash_references)
        if file is None:
            return None, {}
        header = read_header(file.data, file.length, file.path)
        if (found := _sensor_of(header)) != self.survey.cloud:
            raise DataError(file.path, f"has the fields {found.attributes}, unlike earlier clouds of its log")
        if not keep:
            return {"reference": self._reference(path, file)}, {}
        return pack_points(read_cloud(file.data, file.path)[1]), {LIDAR_HEADER: header.text}

    def _open(self, path: str, *, whole: bool) -> _File | None:
        file = _open(self.blobs, path, whole=whole)
        if file is None and self.survey.options.sensors is Sensors.REQUIRED:
            raise _missing(self.blobs, path, "has vanished during the conversion")
        return file

    def _reference(self, path: str, file: _File) -> dict[str, Any]:
        data = file.data if self.survey.options.hash_references else None
        return reference_to(self.blobs.root_id, self.blobs.prefix + path, data=data, length=file.length)


def native_path(frame: Frame, column: str) -> Any:
    """The path that a log names for a sensor, from the row's reference; MISSING where the row has none."""
    index = frame.batch.schema.get_field_index(column)
    reference = frame.batch.column(index).field("reference")[frame.row].as_py() if index >= 0 else None
    if reference is None:
        return MISSING
    prefix = f"{frame.meta.folder}/" if reference["root_id"] == LOG_ROOT_ID else ""
    return reference["relative_path"].removeprefix(prefix)


def native_cloud(frame: Frame) -> bytes | None:
    """The PCD file that a row's cloud was read from, byte for byte; None where the row holds no points."""
    cloud, patch = frame.native_points(LIDAR_COLUMN), frame.extra().get(LIDAR_HEADER)
    return None if cloud is None or patch is None else write_cloud(patch[1], cloud, frame.token)


def _exists(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError as error:
        raise DataError(
            place, f"cannot be looked for ({error.strerror})", advice="check the disk and the log"
        ) from error


def _open(blobs: Blobs, path: str | None, *, whole: bool) -> _File | None:
    """A sensor file, or only its head; None if it does not exist."""
    if path is None:
        return None
    place = blobs.root / (blobs.prefix + path)
    try:
        with place.open("rb") as file:
            data = file.read(-1 if whole else _HEAD_BYTES)
            length = len(data) if whole else place.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(place, f"cannot be read ({error.strerror})", advice="check the disk") from error
    return _File(str(place), data, whole or len(data) == length, length)


def _image_header(file: _File | None) -> ImageHeader:
    if file is None:
        return ImageHeader("jpeg", *NATIVE_SIZE)
    header = read_image_header(file.data, file.path)
    if header is None and not file.whole:
        header = read_image_header(Path(file.path).read_bytes(), file.path)
    if header is None:
        raise DataError(file.path, "the image is cut off", advice="get the file again from its publisher")
    return header


def _point_sensor(file: _File | None) -> PointSensor:
    if file is None:
        return PointSensor(column=LIDAR_COLUMN, ego_from_sensor=IDENTITY, coordinates="float32")
    return _sensor_of(read_header(file.data, file.length, file.path))


def _sensor_of(header: PcdHeader) -> PointSensor:
    return PointSensor(
        column=LIDAR_COLUMN,
        ego_from_sensor=IDENTITY,
        coordinates=header.coordinates,
        attributes=header.attributes,
    )


def _words(header: ImageHeader) -> str:
    return f"{header.codec} of {header.width}x{header.height}"


def _missing(blobs: Blobs, path: str, reason: str) -> DataError:
    advice = "complete the download, or convert with sensors=present or sensors=none"
    return DataError(blobs.root / (blobs.prefix + path), reason, advice=advice)
