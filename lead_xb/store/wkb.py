"""Well-known binary to shapely geometries, safe for bytes of unknown origin."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Shaped

_SIMPLE = {1, 2, 3}
_MULTI = {4: 1, 5: 2, 6: 3}
"""ISO code of a multi-geometry -> code of its members."""
_Z = 1000
COORDINATE_LIMIT = 1e9
"""m or degrees; more is damage, and predicates of GEOS fail on what overflows."""


class GeometryError(ValueError):
    """A geometry that cannot be used; `row` says which of the given ones."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(f"row {row}: {reason}")
        self.row = row
        self.reason = reason


def parse_wkb(blobs: Sequence[bytes]) -> Shaped[np.ndarray, " rows"]:
    """Points, lines, polygons and multis of them, 2D or with z, in ISO WKB -> array of shapely geometries.

    GEOS reads nested geometries recursively without a limit, so a crafted blob would overflow the stack and end the
    process (measured with GEOS 3.14: 100,000 levels, 900 kB). Hence nesting is checked before GEOS sees the bytes.

    Raises:
        GeometryError: the first row that is not such a geometry.
    """
    for row, blob in enumerate(blobs):
        try:
            _require_flat(blob)
        except (struct.error, IndexError, ValueError) as error:
            raise GeometryError(row, f"not a geometry in ISO WKB ({error})") from error
    with np.errstate(invalid="ignore"):  # coordinates may be NaN; that is for the caller to judge
        geometries: Shaped[np.ndarray, " rows"] = shapely.from_wkb(np.array(blobs, object), on_invalid="ignore")
    if len(bad := np.flatnonzero(shapely.is_missing(geometries))):
        raise GeometryError(int(bad[0]), "GEOS cannot read it: it is truncated, or a line or ring is incomplete")
    return geometries


def require_plausible(geometries: Shaped[np.ndarray, " rows"], problem: str) -> None:
    """GeometryError with `problem` for the first row with a coordinate that is not finite or over the limit."""
    points, index = shapely.get_coordinates(geometries, return_index=True)
    if len(bad := np.flatnonzero(~(np.abs(points) <= COORDINATE_LIMIT).all(axis=1))):
        raise GeometryError(int(index[bad[0]]), problem)


def _require_flat(blob: bytes) -> None:
    code, _ = _header(blob, 0)
    kind = code % _Z
    if kind in _SIMPLE:
        return
    member, at = _MULTI[kind] + code - kind, 9
    for _ in range(_count(blob, 0)):
        if _header(blob, at)[0] != member:
            raise ValueError("a multi-geometry with members of another kind")
        at = _end(blob, at)


def _header(blob: bytes, at: int) -> tuple[int, str]:
    """ISO code and byte order of the geometry at `at`."""
    order = {0: ">", 1: "<"}.get(blob[at])
    if order is None:
        raise ValueError(f"byte order {blob[at]}, expected 0 or 1")
    code = struct.unpack_from(f"{order}I", blob, at + 1)[0]
    if code // _Z not in (0, 1) or (code % _Z not in _SIMPLE and code % _Z not in _MULTI):
        raise ValueError(f"geometry type {code}; points, lines, polygons and multis of them are read, without measures")
    return code, order


def _count(blob: bytes, at: int) -> int:
    order = _header(blob, at)[1]
    return int(struct.unpack_from(f"{order}I", blob, at + 5)[0])


def _end(blob: bytes, at: int) -> int:
    """Where the simple geometry at `at` ends."""
    code, order = _header(blob, at)
    point = 8 * (2 + code // _Z)
    if code % _Z == 1:
        return at + 5 + point
    if code % _Z == 2:
        return at + 9 + point * _count(blob, at)
    end = at + 9
    for _ in range(_count(blob, at)):
        end += 4 + point * int(struct.unpack_from(f"{order}I", blob, end)[0])
    return end
