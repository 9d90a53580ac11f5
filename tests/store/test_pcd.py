"""Binary PCD files are read by their header, checked against their size, and written back byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from lead_xb.schemas.errors import DataError
from lead_xb.store.pcd import read_cloud, write_cloud

from ..adapters.navsim.helpers import LIDAR_TYPE, pcd


def points(count: int = 4, kind: np.dtype[np.void] = LIDAR_TYPE) -> np.ndarray:
    values = np.zeros(count, kind)
    for column, name in enumerate(kind.names or ()):
        values[name] = np.arange(count) + 10 * column
    return values


@pytest.mark.parametrize(
    "kind",
    [
        LIDAR_TYPE,
        np.dtype([("intensity", "<f4"), ("z", "<f8"), ("y", "<f8"), ("x", "<f8")]),
        np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("ring", "<i2"), ("time", "<u8")]),
    ],
)
def test_every_layout_comes_back_byte_for_byte(kind: np.dtype[np.void]) -> None:
    data = pcd(points(kind=kind))
    header, cloud = read_cloud(data, "a.pcd")
    assert cloud.coordinates[:, 0].tolist() == points(kind=kind)["x"].tolist()
    assert cloud.coordinates.dtype == kind["x"]
    assert write_cloud(header.text, cloud, "a.pcd") == data


def test_a_cloud_may_be_empty() -> None:
    header, cloud = read_cloud(pcd(points(0)), "a.pcd")
    assert (header.points, cloud.coordinates.shape) == (0, (0, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DATA": "ascii"}, "holds DATA ascii, expected binary"),
        ({"DATA": "binary_compressed"}, "holds DATA binary_compressed, expected binary"),
        ({"POINTS": "99999999999999999", "WIDTH": "99999999999999999"}, r"expected 150000000000000\d+ for 9999"),
        ({"POINTS": "9" * 40}, "has POINTS '9+', expected a number"),
        ({"POINTS": "-1"}, "has POINTS '-1', expected a number"),
        ({"WIDTH": "5"}, "announces 4 points but a size of 5x1"),
        ({"HEIGHT": "two"}, "has HEIGHT 'two', expected a number"),
        ({"SIZE": "4 4 4 1 1"}, "do not belong together"),
        ({"FIELDS": "x x y z ring lidar_id"}, "do not belong together"),
        ({"FIELDS": "a b c intensity ring lidar_id"}, r"expected scalars with x, y and z"),
        ({"FIELDS": "x y z count ring lidar_id"}, r"expected scalars with x, y and z"),
        ({"COUNT": "1 1 1 1 1 3"}, r"expected scalars with x, y and z"),
        ({"SIZE": "4 4 4 1 1 3"}, "has the types .*'U3'"),
        ({"TYPE": "F F U U U U"}, "has the types .* and x, y, z alike"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_cloud(pcd(points(), **changes), "a.pcd")


@pytest.mark.parametrize("data", [b"", b"# .PCD v0.7\n", b"\x00" * 10_000, pcd(points())[:100]])
def test_what_has_no_data_line_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="has no DATA line in its first 4096 bytes, expected a PCD file"):
        read_cloud(data, "a.pcd")


def test_the_names_of_the_recorded_clouds_are_taken_as_they_are() -> None:
    kind = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "u1"), ("lidar_info", "u1")])
    header, cloud = read_cloud(pcd(points(kind=kind)), "a.pcd")
    assert header.attributes == {"intensity": "uint8", "lidar_info": "uint8"}
    assert cloud.attributes["lidar_info"].tolist() == [40, 41, 42, 43]
