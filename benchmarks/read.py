"""Reading speed of a store, beside the native files that it was made from.

    python benchmarks/read.py --store STORE [--lead LEAD_ROOT] [--index-rows 1000000]

"native" opens the same frames from LEAD's folders with pickle, lzma, OpenCV and laspy, as LEAD's loader does.
"""

from __future__ import annotations

import argparse
import io
import lzma
import pickle
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import laspy
import numpy as np
import pyarrow as pa

import lead_xb as lx
from lead_xb.schemas.index import INDEX_SCHEMA
from lead_xb.store.index import read_index, write_index

REPEAT = 7
READS = 300


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--lead", type=Path, help="the LEAD root that the store was made from")
    parser.add_argument("--index-rows", type=int, default=1_000_000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    measure_store(options.store)
    if options.lead:
        measure_native(options.lead)
    measure_index(options.index_rows)


def measure_store(root: Path) -> None:
    """Open time, and random reads with and without images and points."""
    store = lx.open(root)
    names = store.scene_ids
    line("open a scene", 1e3 * seconds(lambda: [store.scene(name) for name in names]) / len(names), "ms")
    scenes = [store.scene(name) for name in names]
    rng = np.random.default_rng(0)
    picks = [(scenes[rng.integers(len(scenes))], rng.random()) for _ in range(READS)]
    frames = [scene.frame(int(share * len(scene))) for scene, share in picks]
    image = next((camera.name for camera in scenes[0].meta.rig.cameras), None)

    def labels(frame: lx.Frame) -> None:
        _ = frame["ego.pose"], frame["navigation.route"], frame["ego_future.position"], frame.boxes
        if frame.boxes is not None:
            _ = frame.boxes.center, frame.boxes.size, frame.boxes.yaw, frame.boxes.category

    def images(frame: lx.Frame) -> None:
        labels(frame)
        if image is not None and frame.has(next(iter(frame.rig.camera(image).crops))):
            frame.image(image)

    def everything(frame: lx.Frame) -> None:
        images(frame)
        for sensor in frame.rig.points:
            frame.points(sensor.column)

    for name, read in (("labels", labels), ("labels, one image", images), ("labels, image, points", everything)):
        line(f"store: {name}", len(frames) / seconds(partial(for_each, read, frames)), "frames/s")


def measure_native(root: Path) -> None:
    """The same content from LEAD's own files."""
    routes = sorted(path.parent for path in root.glob("data/*/*/metas"))
    stems = [(route, path.stem) for route in routes for path in (route / "metas").iterdir()]

    def labels(item: tuple[Path, str]) -> None:
        for folder in ("metas", "bboxes"):
            pickle.loads(lzma.decompress((item[0] / folder / f"{item[1]}.pkl").read_bytes()))

    def images(item: tuple[Path, str]) -> None:
        labels(item)
        cv2.imread(str(item[0] / "rgb" / f"{item[1]}.jpg"))

    def everything(item: tuple[Path, str]) -> None:
        images(item)
        laspy.read(io.BytesIO((item[0] / "lidar" / f"{item[1]}.laz").read_bytes()))
        with np.load(item[0] / "radar" / f"{item[1]}.npz") as radar:
            for name in radar.files:
                radar[name]

    for name, read in (("labels", labels), ("labels, one image", images), ("labels, image, points", everything)):
        line(f"native: {name}", len(stems) / seconds(partial(for_each, read, stems)), "frames/s")


def measure_index(rows: int) -> None:
    """Filter time over a synthetic index."""
    rng = np.random.default_rng(0)
    towns = np.array([f"Town{n:02}" for n in range(1, 16)])
    columns = {
        "scene": np.array([f"scene{n // 200:06}" for n in range(rows)]),
        "row": np.arange(rows, dtype=np.int32) % 200,
        "token": np.array([f"{n:016x}" for n in range(rows)]),
        "location": towns[rng.integers(len(towns), size=rows)],
        "speed_mps": rng.uniform(0.0, 20.0, rows),
        "command": rng.integers(0, 7, rows).astype(np.int8),
    }
    arrays = []
    for field in INDEX_SCHEMA:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        elif field.nullable:
            arrays.append(pa.nulls(rows, field.type))
        else:
            default = {"split": ["train"], "source": "carla", "kind": "recorded", "cameras": ["camera_2"]}.get(
                field.name, 0 if field.type == pa.int64() else True
            )
            arrays.append(pa.array([default] * rows, field.type))
    with tempfile.TemporaryDirectory() as folder:
        crc32c = write_index(Path(folder), pa.Table.from_arrays(arrays, schema=INDEX_SCHEMA))
        query = "SELECT scene, row FROM self WHERE location != 'Town13' AND speed_mps > 2 AND command = 1"
        index = read_index(Path(folder), crc32c=crc32c)
        line(f"filter {rows:,} index rows from disk", 1e3 * seconds(lambda: index.sql(query).collect()), "ms")
        loaded = index.collect()
        line("the same in memory", 1e3 * seconds(lambda: loaded.sql(query)), "ms")


def for_each(function: Callable[[Any], None], items: Sequence[Any]) -> None:
    """Call a function with every item."""
    for item in items:
        function(item)


def seconds(call: Callable[[], object]) -> float:
    """Median wall time of several calls after a first one that warms caches."""
    call()
    times = []
    for _ in range(REPEAT):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def line(name: str, value: float, unit: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{name:<40} {value:12,.2f} {unit}\n")


if __name__ == "__main__":
    main()
