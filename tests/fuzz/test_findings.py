"""What the fuzz and fault loops found once, as tests of their own."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.adapters.carla.sensors import read_laz, read_radar
from lead_xb.schemas.errors import DataError, SchemaError
from lead_xb.store.codec import compress, decompress_array

from ..store.golden_routes import FLAT, GOLDEN, SCENARIO, copy_routes
from ..store.running import run

ROUTE = GOLDEN / "data" / SCENARIO / FLAT


def with_chunks(count: int) -> bytes:
    """A golden LAZ file that claims this many chunks."""
    data = bytearray((ROUTE / "lidar/0000.laz").read_bytes())
    (start,) = struct.unpack_from("<I", data, 96)
    (table,) = struct.unpack_from("<q", data, start)
    struct.pack_into("<I", data, table + 4, count)
    return bytes(data)


def test_a_laz_of_too_many_chunks_is_refused_before_lazrs_ends_the_process() -> None:
    assert len(read_laz(with_chunks(1), "0000.laz").coordinates) > 0
    with pytest.raises(DataError, match=r"0000\.laz: not a readable LAZ \(claims 4294967295 chunks of"):
        read_laz(with_chunks(2**32 - 1), "0000.laz")


def test_a_laz_of_too_many_records_is_refused_before_laspy_reads_them() -> None:
    data = bytearray((ROUTE / "lidar/0000.laz").read_bytes())
    struct.pack_into("<I", data, 100, 2**31)
    with pytest.raises(DataError, match="claims 2147483648 records before byte"):
        read_laz(bytes(data), "0000.laz")
    struct.pack_into("<I", data, 100, 2)
    data[25] = 4
    struct.pack_into("<I", data, 243, 2**31)
    with pytest.raises(DataError, match="claims 2147483648 extended records"):
        read_laz(bytes(data), "0000.laz")


def test_a_laz_of_more_points_than_its_bytes_can_hold_is_refused() -> None:
    data = bytearray((ROUTE / "lidar/0000.laz").read_bytes())
    struct.pack_into("<I", data, 107, 40_000_000)
    with pytest.raises(DataError, match="the header claims 40000000 points"):
        read_laz(bytes(data), "0000.laz")


@pytest.mark.parametrize("header", ["{'descr': (", "{'descr': '<f2', 'shape': " + "(" * 3000, "  {", "\n\n  x\n y"])
def test_an_array_header_that_is_no_python_is_refused(header: str) -> None:
    member = np.lib.format.magic(1, 0) + struct.pack("<H", len(header)) + header.encode()
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("radar1.npy", member)
    with pytest.raises(DataError, match=r"0000\.npz: not a readable npz"):
        read_radar(sink.getvalue(), "0000.npz")


@pytest.mark.parametrize("count", [-1, 2**31 - 1])
def test_a_cell_that_claims_more_than_memory_is_refused_before_it_is_allocated(count: int) -> None:
    with pytest.raises(SchemaError, match=f"claims {8 * count} bytes"):
        decompress_array(compress(bytes(80)), "float64", count)


@pytest.mark.parametrize("file", ["rgb/0000.jpg", "semantics/0000.png"])
@pytest.mark.parametrize("cut", [lambda data: data[:-1], lambda data: data[: len(data) // 2]], ids=["end", "half"])
def test_an_image_that_is_cut_off_is_not_stored(tmp_path: Path, file: str, cut: Callable[[bytes], bytes]) -> None:
    root = copy_routes(tmp_path / "native", frames=1, names=("one",))
    path = root / "data" / SCENARIO / "one" / file
    path.write_bytes(cut(path.read_bytes()))
    (failure,) = run(CarlaConfig(source=root).build(), tmp_path / "store").failures
    assert (failure.file, failure.reason) == (str(path), "the image is cut off")
    assert failure.offset == path.stat().st_size
