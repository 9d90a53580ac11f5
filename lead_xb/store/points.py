"""Point clouds: pack a native cloud into a cell, and unpack a cell into the ego frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Shaped

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.rig import PointSensor
from lead_xb.store.codec import compress_array, decompress_array
from lead_xb.store.frames import transform_points


@dataclass(frozen=True, slots=True)
class NativeCloud:
    """A cloud in its sensor's frame and quantum, exactly as its source stored it.

    Attributes:
        coordinates: (N, 3) integers with `scale` and `offset`, or floats in metres.
        attributes: further values per point, each (N,).
        scale, offset: metres = coordinates * scale + offset; None for float coordinates.
    """

    coordinates: Shaped[np.ndarray, "count 3"]
    attributes: Mapping[str, Shaped[np.ndarray, " count"]]
    scale: Float64[np.ndarray, "3"] | None = None
    offset: Float64[np.ndarray, "3"] | None = None

    def metres(self) -> Float64[np.ndarray, "count 3"]:
        """Coordinates in the sensor's frame, m."""
        metres = self.coordinates.astype(np.float64)
        if self.scale is None or self.offset is None:
            return metres
        return metres * self.scale + self.offset


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud in the ego frame: xyz (N, 3) in m, further values per point (N,)."""

    xyz: Float64[np.ndarray, "count 3"]
    attributes: Mapping[str, Shaped[np.ndarray, " count"]]


def pack_points(cloud: NativeCloud, *, timestamp_us: int | None = None) -> dict[str, Any]:
    """A native cloud as the cell of a `lidar.*` or `radar.*` column."""
    x, y, z = np.ascontiguousarray(cloud.coordinates.T)
    packed = {name: compress_array(values) for name, values in cloud.attributes.items()}
    return {
        "timestamp_us": timestamp_us,
        "count": len(cloud.coordinates),
        "scale": cloud.scale,
        "offset": cloud.offset,
        "x": compress_array(x),
        "y": compress_array(y),
        "z": compress_array(z),
        **packed,
    }


def unpack_points(cell: Mapping[str, Any], sensor: PointSensor) -> NativeCloud:
    """The inverse of `pack_points`; SchemaError if the cell is damaged."""
    count = cell["count"]
    if count is None or count < 0:
        raise SchemaError(f"{sensor.column}: the cell holds no points (count is {count})")
    axes = [_axis(cell, name, sensor.coordinates, count) for name in "xyz"]
    attributes = {name: _axis(cell, name, dtype, count) for name, dtype in sensor.attributes.items()}
    scale, offset = (None if cell[name] is None else np.array(cell[name]) for name in ("scale", "offset"))
    return NativeCloud(np.stack(axes, axis=1), attributes, scale, offset)


def cloud_in_ego(native: NativeCloud, sensor: PointSensor) -> Cloud:
    """A native cloud taken to the ego frame by the rig."""
    return Cloud(transform_points(np.array(sensor.ego_from_sensor), native.metres()), native.attributes)


def _axis(cell: Mapping[str, Any], name: str, dtype: str, count: int) -> Shaped[np.ndarray, " count"]:
    data = cell[name]
    if data is None:
        raise SchemaError(f"a point cell lacks {name!r}; it is damaged, convert the scene again")
    return decompress_array(data, dtype, count)
