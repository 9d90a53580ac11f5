"""Binary PCD files (Point Cloud Library 0.7): OpenScene's merged LiDAR clouds, which scenes may hold by reference.

Format: pointclouds.org "The PCD file format"; `nup:database/utils/pointclouds/lidar.py:138` reads the same files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lead_xb.schemas.errors import DataError
from lead_xb.schemas.sensors import POINT_FIELDS
from lead_xb.store.points import NativeCloud

MAX_HEADER_BYTES = 4096
_DTYPES = {
    **{("F", size): f"<f{size}" for size in (4, 8)},
    **{("U", size): f"<u{size}" for size in (1, 2, 4, 8)},
    **{("I", size): f"<i{size}" for size in (1, 2, 4, 8)},
}
_AXES = ("x", "y", "z")
_RESERVED = {column.name for column in POINT_FIELDS} - set(_AXES)


@dataclass(frozen=True, slots=True)
class PcdHeader:
    """What the text at the start of a PCD file says.

    Attributes:
        text: the header as it is, with its last line break.
        record: dtype of one point.
        points: number of points.
    """

    text: bytes
    record: np.dtype[np.void]
    points: int

    @property
    def file_bytes(self) -> int:
        """Size of the whole file."""
        return len(self.text) + self.points * self.record.itemsize

    @property
    def coordinates(self) -> str:
        """Dtype of x, y and z."""
        return self.record["x"].name

    @property
    def attributes(self) -> dict[str, str]:
        """Further values of a point -> their dtypes, by name: a rig does not keep their order, `text` does."""
        return {name: self.record[name].name for name in sorted(self.record.names or ()) if name not in _AXES}


def read_header(head: bytes, file_bytes: int, path: str) -> PcdHeader:
    """Read the header and compare it with the size of the file; nothing is allocated by what it says.

    Raises:
        DataError: not a PCD file, not binary, fields that are no scalars, or another size than announced.
    """
    end = head.find(b"\nDATA ", 0, MAX_HEADER_BYTES)
    stop = head.find(b"\n", end + 1, MAX_HEADER_BYTES)
    if end < 0 or stop < 0:
        raise _error(path, f"has no DATA line in its first {MAX_HEADER_BYTES} bytes, expected a PCD file")
    lines = [line.split() for line in head[:stop].decode("ascii", "replace").splitlines()]
    entries = {line[0]: line[1:] for line in lines if line and not line[0].startswith("#")}
    if entries["DATA"] != ["binary"]:
        raise _error(path, f"holds DATA {' '.join(entries['DATA'])}, expected binary")
    record = _record(entries, path)
    width, height, points = (_number(entries, key, path) for key in ("WIDTH", "HEIGHT", "POINTS"))
    if points != width * height:
        raise _error(path, f"announces {points} points but a size of {width}x{height}")
    header = PcdHeader(head[: stop + 1], record, points)
    if header.file_bytes != file_bytes:
        reason = f"has {file_bytes} bytes, expected {header.file_bytes} for {points} points of {record.itemsize} bytes"
        raise _error(path, reason)
    return header


def read_cloud(data: bytes, path: str) -> tuple[PcdHeader, NativeCloud]:
    """A whole PCD file -> its cloud in the sensor's frame: coordinates as stored, further values by field name."""
    header = read_header(data, len(data), path)
    points = np.frombuffer(data, header.record, offset=len(header.text))
    coordinates = np.stack([points[axis] for axis in _AXES], axis=1)
    return header, NativeCloud(coordinates, {name: points[name].copy() for name in header.attributes})


def write_cloud(header: bytes, cloud: NativeCloud, path: str) -> bytes:
    """The inverse of `read_cloud`: the very bytes of the file."""
    lines = [line.split() for line in header.decode("ascii", "replace").splitlines()]
    record = _record({line[0]: line[1:] for line in lines if line}, path)
    points = np.zeros(len(cloud.coordinates), record)
    for axis, values in zip(_AXES, cloud.coordinates.T, strict=True):
        points[axis] = values
    for name, values in cloud.attributes.items():
        points[name] = values
    return header + points.tobytes()


def _record(entries: dict[str, list[str]], path: str) -> np.dtype[np.void]:
    names = entries.get("FIELDS", [])
    sizes, kinds = entries.get("SIZE", []), entries.get("TYPE", [])
    counts = entries.get("COUNT", ["1"] * len(names))
    if not names or not len(names) == len(sizes) == len(kinds) == len(counts) == len(set(names)):
        raise _error(path, "its FIELDS, SIZE, TYPE and COUNT lines do not belong together")
    if not set(_AXES) <= set(names) or _RESERVED & set(names) or set(counts) != {"1"}:
        raise _error(path, f"has the fields {names} with counts {counts}, expected scalars with x, y and z")
    formats = [
        _DTYPES.get((kind, int(size) if size.isdecimal() else 0)) for kind, size in zip(kinds, sizes, strict=True)
    ]
    if None in formats or {formats[names.index(axis)] for axis in _AXES} not in ({"<f4"}, {"<f8"}):
        types = [f"{kind}{size}" for kind, size in zip(kinds, sizes, strict=True)]
        raise _error(path, f"has the types {types}, expected U or I of 1 to 8 bytes, F4 or F8, and x, y, z alike")
    return np.dtype([(name, kind) for name, kind in zip(names, formats, strict=True) if kind is not None])


def _number(entries: dict[str, list[str]], key: str, path: str) -> int:
    value = entries.get(key, [])
    if len(value) != 1 or not value[0].isdecimal() or len(value[0]) > 18:
        raise _error(path, f"has {key} {' '.join(value)!r}, expected a number")
    return int(value[0])


def _error(path: str, reason: str) -> DataError:
    return DataError(path, reason, advice="get the file again from its publisher")
