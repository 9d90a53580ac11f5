"""Sensor files of a LEAD frame: image bytes as found, LAZ and radar as their integers and floats."""

from __future__ import annotations

import io
import struct
import tokenize
import zipfile
import zlib
from typing import Any

import laspy
import lazrs
import numpy as np
import simplejpeg

from lead_xb.adapters.carla.checks import ADVICE
from lead_xb.adapters.carla.rig import STRIP, VIEW, image_sizes
from lead_xb.adapters.carla.routes import RouteFiles
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Rig
from lead_xb.store.points import NativeCloud, pack_points

IMAGE_FOLDERS = {
    "rgb": (f"image.{STRIP}", "jpg"),
    "3rd_person": ("image.third_person", "jpg"),
    "semantics": (f"semantic.{STRIP}", "png"),
    "instance": ("semantic.instance", "png"),
    "depth": (f"depth.{STRIP}", "png"),
    "hdmap": ("bev_map.hdmap", "png"),
}
POINT_FOLDERS = {"lidar": "laz", "radar": "npz", "camera_pc": "npz"}
PERTURBED = "_perturbated"
LABEL_FOLDERS = ("metas", "bboxes")
MAX_POINTS = 50_000_000
MAX_POINTS_PER_BYTE = 8
"""LEAD's clouds take two bytes a point."""

_LAS_DATA_OFFSET, _LAS_EXTENDED_OFFSET = 96, 243
"""Where a LAS header says at which byte the points begin, and how many extended records follow (LAS 1.4, 2.4)."""
_LAS_RECORD_BYTES, _LAS_EXTENDED_RECORD_BYTES = 54, 60

_ENDS = {"jpg": (b"\xff\xd8\xff", b"\xff\xd9"), "png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82")}
"""First and last bytes of a whole image; most damaged copies are cut off."""
_LAZ_ERRORS = (
    *(laspy.errors.LaspyException, lazrs.LazrsError, struct.error, ValueError, TypeError, OverflowError, EOFError),
    *(KeyError, IndexError, MemoryError, UnicodeDecodeError, AttributeError, OSError),
)
_NPZ_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, ValueError, OSError, KeyError, EOFError, NotImplementedError),
    *(tokenize.TokenError, SyntaxError, RecursionError, MemoryError),  # numpy parses array headers as Python
)
_WRITTEN_BY_LEAD = ("X", "Y", "Z", "time")


def base_folder(folder: str) -> str:
    """`rgb` for `rgb` and for `rgb_perturbated`."""
    return folder.removesuffix(PERTURBED)


def is_known(folder: str) -> bool:
    """True for folders of LEAD's format. LEAD writes its debug cloud for the normal rig only."""
    return folder != f"camera_pc{PERTURBED}" and base_folder(folder) in {*IMAGE_FOLDERS, *POINT_FOLDERS, *LABEL_FOLDERS}


def extension_of(folder: str) -> str:
    """File extension of a folder's files."""
    base = base_folder(folder)
    if base in IMAGE_FOLDERS:
        return IMAGE_FOLDERS[base][1]
    return POINT_FOLDERS.get(base, "pkl")


def sensor_cells(files: RouteFiles, number: int, *, rig: Rig, reference: bool, hashed: bool) -> dict[str, Any]:
    """All sensor cells of a saved frame. DataError if a file is damaged or an image does not fit the rig."""
    sizes = image_sizes(rig)
    cells: dict[str, Any] = {}
    for folder in filter(is_known, files.folders):
        base = base_folder(folder)
        prefix = f"view.{VIEW}." if folder.endswith(PERTURBED) else ""
        name = f"{folder}/{number:04}.{extension_of(folder)}"
        if base in IMAGE_FOLDERS:
            column, extension = IMAGE_FOLDERS[base]
            data = files.read(name)
            _check_image(data, files.where(name), _ENDS[extension], size=sizes.get(column))
            kept = {"reference": files.reference(name, data=data if hashed else None)} if reference else {"bytes": data}
            cells[prefix + column] = kept
        elif base == "lidar":
            cells["lidar.top"] = pack_points(read_laz(files.read(name), files.where(name)))
        elif base == "camera_pc":
            cells["lidar.camera_pc"] = pack_points(read_camera_cloud(files.read(name), files.where(name)))
        elif base == "radar":
            for sensor, cloud in read_radar(files.read(name), files.where(name)).items():
                cells[f"{prefix}radar.{sensor}"] = pack_points(cloud)
    return cells


def _check_image(data: bytes, where: str, ends: tuple[bytes, bytes], *, size: tuple[int, int] | None) -> None:
    """Is it a whole image of the right kind and, where the rig tells, of the right size? Pixels are not decoded."""
    if not data.startswith(ends[0]):
        raise DataError(where, f"{len(data)} bytes that are no {where[-3:].upper()}", offset=0, advice=ADVICE)
    if not data.endswith(ends[1]):
        raise DataError(where, "the image is cut off", offset=len(data), advice=ADVICE)
    if size is not None and (found := _image_size(data, where)) != size:
        reason = f"is {found[0]}x{found[1]} px, its rig needs {size[0]}x{size[1]}"
        raise DataError(where, reason, advice=ADVICE)


def _image_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height from the header of a JPEG or PNG."""
    if data.startswith(_ENDS["png"][0]):
        png_bits(data, where)
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise DataError(where, f"its JPEG header is damaged ({error})", advice=ADVICE) from error
    return width, height


def png_bits(data: bytes, where: str) -> int:
    """Bits per channel of a PNG, from its header."""
    if len(data) < 26 or not data.startswith(_ENDS["png"][0]) or data[24] not in (8, 16):
        raise DataError(where, "not a PNG of 8 or 16 bits", offset=0, advice=ADVICE)
    return data[24]


def read_laz(data: bytes, where: str) -> NativeCloud:
    """A LAZ file as LEAD writes it: int32 coordinates, their scale and offset, age in ticks."""
    try:
        _check_records(data)
        with laspy.open(io.BytesIO(data), laz_backend=laspy.LazBackend.Lazrs) as reader:
            count = reader.header.point_count
            if count > min(MAX_POINTS, MAX_POINTS_PER_BYTE * len(data)):
                raise ValueError(f"the header claims {count} points")
            _check_chunk_table(data, count)
            points = reader.read()
    except _LAZ_ERRORS as error:
        raise DataError(where, f"not a readable LAZ ({error or type(error).__name__})", advice=ADVICE) from error
    names = list(points.point_format.dimension_names)
    if missing := set(_WRITTEN_BY_LEAD) - set(names):
        raise DataError(where, f"has no dimension {sorted(missing)}; it has {names}", advice=ADVICE)
    for name in names:
        if name not in _WRITTEN_BY_LEAD and np.any(points[name]):
            raise DataError(where, f"dimension {name!r} is not zero, which LEAD never writes", advice=ADVICE)
    if len(points.X) != count:
        raise DataError(where, f"holds {len(points.X)} points, its header says {count}", advice=ADVICE)
    return NativeCloud(
        np.stack([np.asarray(points.X), np.asarray(points.Y), np.asarray(points.Z)], axis=1),
        {"time": np.asarray(points["time"])},
        np.asarray(points.header.scales, np.float64),
        np.asarray(points.header.offsets, np.float64),
    )


def _check_records(data: bytes) -> None:
    """laspy reads as many variable length records as the header claims, also beyond the end of the file."""
    start, records = struct.unpack_from("<II", data, _LAS_DATA_OFFSET)
    if records * _LAS_RECORD_BYTES > start:
        raise ValueError(f"claims {records} records before byte {start}")
    minor_version = data[25]
    if minor_version >= 4:
        (extended,) = struct.unpack_from("<I", data, _LAS_EXTENDED_OFFSET)
        if extended * _LAS_EXTENDED_RECORD_BYTES > len(data):
            raise ValueError(f"claims {extended} extended records")


def _check_chunk_table(data: bytes, points: int) -> None:
    """lazrs ends the process when it cannot allocate as many chunks as the file claims to have."""
    (start,) = struct.unpack_from("<I", data, _LAS_DATA_OFFSET)
    (table,) = struct.unpack_from("<q", data, start)
    if table == -1:  # written by a stream that could not go back: the offset is at the end
        (table,) = struct.unpack_from("<q", data, len(data) - 8)
    _, chunks = struct.unpack_from("<II", data, table)
    if chunks > max(points, 1):
        raise ValueError(f"claims {chunks} chunks of {points} points")


def read_radar(data: bytes, where: str) -> dict[str, NativeCloud]:
    """A radar file: float16 (N, 4) x, y, z, velocity for each sensor, by sensor name."""
    clouds = {}
    for name, array in _read_npz(data, where).items():
        if array.dtype != np.float16 or array.ndim != 2 or array.shape[1] != 4 or not name.startswith("radar"):
            raise DataError(where, f"{name!r} is {array.dtype} {array.shape}, expected float16 (N, 4)", advice=ADVICE)
        clouds[name] = NativeCloud(np.ascontiguousarray(array[:, :3]), {"velocity": np.ascontiguousarray(array[:, 3])})
    return clouds


def read_camera_cloud(data: bytes, where: str) -> NativeCloud:
    """A debug camera cloud: float32 (N, 5) x, y, z, CARLA tag, Unreal instance."""
    arrays = _read_npz(data, where)
    array = arrays.get("arr_0")
    if set(arrays) != {"arr_0"} or array is None or array.dtype != np.float32 or array.shape[1:] != (5,):
        raise DataError(where, "expected one float32 array (N, 5)", advice=ADVICE)
    columns = np.ascontiguousarray(array.T)
    return NativeCloud(np.ascontiguousarray(array[:, :3]), {"carla_tag": columns[3], "instance": columns[4]})


def _read_npz(data: bytes, where: str) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_POINTS * 20:
                raise ValueError("claims to unpack to more than a frame can hold")
            return {
                info.filename.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(info)), allow_pickle=False
                )
                for info in archive.infolist()
            }
    except _NPZ_ERRORS as error:
        raise DataError(where, f"not a readable npz ({error})", advice=ADVICE) from error
