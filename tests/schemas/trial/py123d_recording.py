"""A 123D log as its files hold it: one table a modality, joined into rows at the times of the ego."""

from __future__ import annotations

import io
import uuid
from typing import Any

import laspy
import msgpack
import numpy as np
import pyarrow as pa

from .round_trip import GOLDEN, Native

FOLDER = GOLDEN / "py123d" / "logs" / "carla_train"
EGO, BOXES, LIGHTS, META = "ego_state_se3", "box_detections_se3", "traffic_light_detections", "custom.driving_meta"
_ARRAYS = ("imu_se3", "dynamic_state_se3", "bounding_box_se3", "camera_to_global_se3")


class Log:
    """One log. `rows` holds, per (every `ego_step`-th) ego state, what was recorded from then until the next one."""

    def __init__(self, name: str, *, ego_step: int = 1) -> None:
        files = {path.stem: pa.ipc.open_file(pa.memory_map(str(path))) for path in sorted((FOLDER / name).iterdir())}
        tables = {key: file.read_all() for key, file in files.items()}
        self.metadata = {key: unpack(table.schema.metadata[b"metadata"]) for key, table in tables.items()}
        self.map = tables.pop("map", None)
        for key in (EGO, "route_position"):
            tables[key] = tables[key].take(list(range(0, len(tables[key]), ego_step)))
        self.tables = tables
        sync = tables.pop("sync")
        self.keys = sorted(tables)
        times = sync["sync.timestamp_us"].to_pylist()
        tokens = [value if isinstance(value, uuid.UUID) else value.as_py() for value in sync["sync.uuid"].to_pylist()]
        self.tokens = dict(zip(times, map(str, tokens), strict=True))
        self.rows = self._rows()

    def _rows(self) -> list[Native]:
        ego_times = self.tables[EGO][f"{EGO}.timestamp_us"].to_numpy()
        names = sorted({*self.keys, BOXES, LIGHTS, META})
        rows: list[Native] = [
            {"sync.uuid": self.tokens.get(time), **dict.fromkeys(names), "metadata": self.metadata}
            for time in ego_times.tolist()
        ]
        for key, table in self.tables.items():
            for item in table.rename_columns([name.removeprefix(f"{key}.") for name in table.column_names]).to_pylist():
                row = int(np.searchsorted(ego_times, item["timestamp_us"], side="right")) - 1
                if row < 0 or rows[row][key] is not None:
                    raise ValueError(f"{key} at {item['timestamp_us']} has no row of its own")
                rows[row][key] = _decoded(key, item)
        return rows


def _decoded(key: str, item: dict[str, Any]) -> dict[str, Any]:
    if key.startswith("lidar."):
        return {**item, "data": _points(item["data"])}
    if key.startswith("custom."):
        return {**item, "data": unpack(item["data"])}
    return {name: np.array(value) if name in _ARRAYS and value is not None else value for name, value in item.items()}


def _points(data: bytes) -> dict[str, np.ndarray]:
    """Coordinates and features of a LAZ blob (integers, their scale and offset) or of an Arrow stream (float32)."""
    if data[:4] != b"LASF":
        table = pa.ipc.open_stream(data).read_all()
        return {name: table[name].to_numpy() for name in table.column_names}
    cloud = laspy.read(io.BytesIO(data), laz_backend=laspy.LazBackend.Lazrs)
    header = {"scale": np.asarray(cloud.header.scales), "offset": np.asarray(cloud.header.offsets)}
    names = cloud.point_format.extra_dimension_names
    features = {str(name).removeprefix("extra_"): np.asarray(cloud[name]) for name in names}
    return {
        **header,
        "X": np.asarray(cloud.X),
        "Y": np.asarray(cloud.Y),
        "Z": np.asarray(cloud.Z),
        **dict(sorted(features.items())),
    }


def unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False, raw=False, object_hook=_hook)


def _hook(item: dict[Any, Any]) -> Any:
    if b"__ndarray__" not in item:
        return item
    return np.frombuffer(item[b"data"], np.dtype(item[b"dtype"])).reshape(item[b"shape"])
