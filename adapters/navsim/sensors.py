"""Camera images and merged LiDAR clouds: how they are read, what a frame calls them, and their files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lead_xb.adapters.navsim.fields import Fields
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Matrix

LOG_ROOT_ID = "sensor_blobs"
LIDAR, LIDAR_COLUMN = "lidar", "lidar.merged"
LIDAR_HEADER = "\0lidar_header"
"""Key beside the native ones under which a row keeps the text of its PCD header."""
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
    """Where the paths of a pickle lead: to `root / (prefix + path)`, stored as `prefix + path` of `root_id`.

    `has_lidar` is False for a folder that is published without clouds, although its pickles name them.
    """

    root_id: str
    root: Path
    prefix: str = ""
    has_lidar: bool = True

    def place(self, path: str) -> Path:
        """The file that a pickle names."""
        return self.root / (self.prefix + path)

    def holds(self, path: str) -> bool:
        """Whether that file exists; DataError if the file system does not say."""
        place = self.place(path)
        try:
            return place.is_file()
        except OSError as error:
            reason = f"cannot be looked for ({error.strerror})"
            raise DataError(place, reason, advice="check the disk and the log") from error

    def missing(self, path: str, reason: str) -> DataError:
        """The error for a sensor file that should exist."""
        advice = "complete the download, or convert with sensors=present or sensors=none"
        return DataError(self.place(path), reason, advice=advice)


@dataclass(frozen=True, slots=True)
class SensorFile:
    """A sensor file: its beginning, or all of it."""

    path: str
    data: bytes
    whole: bool
    length: int


def open_file(blobs: Blobs, path: str, *, whole: bool) -> SensorFile | None:
    """A sensor file, or only its head; None if it does not exist. DataError if it cannot be read."""
    place = blobs.place(path)
    try:
        with place.open("rb") as file:
            data = file.read(-1 if whole else _HEAD_BYTES)
            length = len(data) if whole else place.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(place, f"cannot be read ({error.strerror})", advice="check the disk") from error
    return SensorFile(str(place), data, whole or len(data) == length, length)


def image_column(camera: str) -> str:
    """`image.cam_f0` for `CAM_F0`."""
    return f"image.{camera.lower()}"


def camera_entries(frame: Fields, cameras_key: str) -> dict[str, Fields]:
    """Camera -> its entry, for the cameras that recorded.

    Cameras are called as in logs, `CAM_F0`; synthetic scenes write `cam_f0`. DataError for a name that is none.
    """
    entries = frame.fields(cameras_key)
    found: dict[str, Fields] = {}
    for name, entry in entries.values.items():
        if not isinstance(name, str) or not name.isidentifier() or name.upper() in found:
            reason = f"{entries.place} has a camera {name!r}, expected names like CAM_F0, each once"
            raise DataError(entries.path, reason)
        if entry:
            found[name.upper()] = entries.fields(name)
    return found


def sensor_paths(frame: Fields, cameras_key: str) -> dict[str, str]:
    """Sensor -> the path that a frame names: cameras by their names, and `lidar`. DataError for a bad path."""
    paths = {name: entry.file_path("data_path") for name, entry in camera_entries(frame, cameras_key).items()}
    return {**paths, LIDAR: frame.file_path("lidar_path")} if "lidar_path" in frame else paths
