"""The sensor cells of a row: references to the user's files or their content, and the way back.

An image is known by its header (encoding, size) and, where it is hashed, by its SHA-256; only `images=resize`
decodes it. A cloud's header must agree with the size of its file; only `lidar=keep` reads its points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lead_xb.adapters.navsim.fields import Fields
from lead_xb.adapters.navsim.images import ImageHeader, resize_image
from lead_xb.adapters.navsim.sensors import (
    LIDAR,
    LIDAR_COLUMN,
    LIDAR_HEADER,
    LOG_ROOT_ID,
    Blobs,
    Clouds,
    Images,
    SensorFile,
    Sensors,
    image_column,
    open_file,
    sensor_paths,
)
from lead_xb.adapters.navsim.survey import Survey, image_header, point_sensor
from lead_xb.schemas.errors import DataError
from lead_xb.store.frame import Frame
from lead_xb.store.lossless import MISSING
from lead_xb.store.payload import reference_to
from lead_xb.store.pcd import read_cloud, read_header, write_cloud
from lead_xb.store.points import pack_points


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
        cells = {image_column(name): self._image(name, paths[name]) for name in paths if name in self.survey.headers}
        if LIDAR not in paths or self.survey.cloud is None:
            return cells, {}
        cloud, beside = self._cloud(paths[LIDAR])
        return {**cells, LIDAR_COLUMN: cloud}, beside

    def _image(self, name: str, path: str) -> dict[str, Any] | None:
        options = self.survey.options
        keep = options.images is not Images.REFERENCE
        file = self._open(path, whole=keep or options.hash_references)
        if file is None:
            return None
        found, expected = image_header(file), self.survey.headers[name]
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
        if (found := point_sensor(header)) != self.survey.cloud:
            raise DataError(file.path, f"has the fields {found.attributes}, unlike earlier clouds of its log")
        if not keep:
            return {"reference": self._reference(path, file)}, {}
        return pack_points(read_cloud(file.data, file.path)[1]), {LIDAR_HEADER: header.text}

    def _open(self, path: str, *, whole: bool) -> SensorFile | None:
        """The file; None if the survey did not find it, so that the scene says how many are missing."""
        if path in self.survey.missing:
            return None
        file = open_file(self.blobs, path, whole=whole)
        if file is None:
            raise self.blobs.missing(path, "has vanished during the conversion")
        return file

    def _reference(self, path: str, file: SensorFile) -> dict[str, Any]:
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
    if LIDAR_COLUMN not in frame.meta.rig.columns():
        return None
    cloud, patch = frame.native_points(LIDAR_COLUMN), frame.extra().get(LIDAR_HEADER)
    return None if cloud is None or patch is None else write_cloud(patch[1], cloud, frame.token)


def _words(header: ImageHeader) -> str:
    return f"{header.codec} of {header.width}x{header.height}"
