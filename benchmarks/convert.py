"""Conversion speed of one core, peak memory and size, beside plain reading of the same native files.

    python benchmarks/convert.py carla  --source LEAD_ROOT
    python benchmarks/convert.py navsim --source OPENSCENE_DATA_ROOT --maps NUPLAN_MAPS_ROOT --split test

"plain" reads every native file with the library that the reference loaders use (pickle, lzma, laspy, numpy) and
keeps nothing: what any converter pays at least. Routes of CARLA are also lengthened by repeating their frames, to
show that memory does not grow with the length of a log.
"""

from __future__ import annotations

import argparse
import io
import lzma
import multiprocessing
import pickle
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import laspy
import numpy as np

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.store.tasks import Task

LONG_FRAMES = 400


@dataclass(frozen=True)
class Measured:
    """One run in a process of its own: rows, bytes written, CPU seconds, peak resident MB."""

    rows: int
    bytes: int
    seconds: float
    peak_mb: float


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["carla", "navsim"])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--maps", type=Path)
    parser.add_argument("--split", default="all")
    parser.add_argument("--sensors", default="present")
    parser.add_argument("--images", default=None)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (measure_carla if options.dataset == "carla" else measure_navsim)(options, Path(folder))


def measure_carla(options: argparse.Namespace, folder: Path) -> None:
    """Routes as they are, the same by plain reading, and one long route."""
    tasks = CarlaConfig(source=options.source, images=options.images or "keep").build().tasks()
    native = sum(task.native_bytes for task in tasks)
    routes = [task.route.path for task in tasks]  # type: ignore[attr-defined]
    report("plain reading", best(options.repeat, read_carla, routes), native)
    report("convert", best(options.repeat, write_all, tasks, folder), native)
    long_root = lengthen(routes[0], folder / "long" / "data")
    (long_task,) = CarlaConfig(source=long_root).build().tasks()
    report(
        f"convert, one route of {LONG_FRAMES} frames", best(1, write_all, [long_task], folder), long_task.native_bytes
    )


def measure_navsim(options: argparse.Namespace, folder: Path) -> None:
    """Logs by plain unpickling, then converted; maps apart."""
    from lead_xb.adapters.navsim.config import NavsimConfig

    images = {"images": options.images} if options.images else {}
    config = NavsimConfig(
        source=options.source, maps=options.maps, split=options.split, sensors=options.sensors, **images
    )
    tasks = config.build().tasks()
    scenes, maps = ([task for task in tasks if task.kind == kind] for kind in ("scene", "map"))
    logs = sorted((options.source / "navsim_logs").rglob("*.pkl"))
    report("plain unpickling of logs", best(options.repeat, read_navsim, logs), sum(p.stat().st_size for p in logs))
    report("convert logs", best(options.repeat, write_all, scenes, folder), sum(task.native_bytes for task in scenes))
    if maps:
        report("convert maps", best(options.repeat, write_all, maps, folder), sum(task.native_bytes for task in maps))


def best(repeat: int, function: Callable[..., tuple[int, int]], *arguments: Any) -> Measured:
    """The fastest of several runs, each in a fresh process, so that peak memory is its own."""
    return min((alone(function, *arguments) for _ in range(repeat)), key=lambda measured: measured.seconds)


def alone(function: Callable[..., tuple[int, int]], *arguments: Any) -> Measured:
    """Run in a spawned process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(timed, (function, arguments))


def timed(function: Callable[..., tuple[int, int]], arguments: Sequence[Any]) -> Measured:
    """CPU time of this process and its peak memory."""
    warnings.simplefilter("ignore")
    start = time.process_time()
    rows, written = function(*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(rows, written, time.process_time() - start, peak)


def write_all(tasks: Sequence[Task], folder: Path) -> tuple[int, int]:
    """Convert tasks one after the other."""
    written = [task.write(folder / f"{task.id}.arrow") for task in tasks]
    return sum(item.rows for item in written), sum(item.bytes for item in written)


def read_carla(routes: Sequence[Path]) -> tuple[int, int]:
    """Every file of the routes with the library of the reference loader."""
    rows = 0
    for path in sorted(file for route in routes for file in route.rglob("*") if file.is_file()):
        data = path.read_bytes()
        if path.suffix == ".pkl":
            pickle.loads(lzma.decompress(data))
            rows += path.parent.name == "metas"
        elif path.suffix == ".laz":
            laspy.read(io.BytesIO(data))
        elif path.suffix == ".npz":
            with np.load(io.BytesIO(data)) as arrays:
                for name in arrays.files:
                    arrays[name]
    return rows, 0


def read_navsim(logs: Sequence[Path]) -> tuple[int, int]:
    """Unpickle whole logs, as the devkit does."""
    return sum(len(pickle.loads(path.read_bytes())) for path in logs), 0


def lengthen(route: Path, data: Path) -> Path:
    """The same route with its frames repeated; returns the LEAD root."""
    frames = len(list((route / "metas").iterdir()))
    target = data / route.parent.name / "long"
    for folder in (path for path in route.iterdir() if path.is_dir()):
        (target / folder.name).mkdir(parents=True)
        for number in range(LONG_FRAMES):
            (source,) = folder.glob(f"{number % frames:04}.*")
            shutil.copyfile(source, target / folder.name / f"{number:04}{source.suffix}")
    return data.parent


def report(name: str, measured: Measured, native_bytes: int) -> None:
    """One line."""
    rate, megabytes = measured.rows / measured.seconds, native_bytes / 1e6 / measured.seconds
    size = f"{measured.bytes / measured.rows:10,.0f}" if measured.bytes else f"{'':>10}"
    sys.stdout.write(
        f"{name:<36} {measured.rows:6,} rows {rate:9,.1f} rows/s {megabytes:8,.1f} MB/s (native) "
        f"peak {measured.peak_mb:6,.0f} MB   bytes/row {size} (native {native_bytes / measured.rows:10,.0f})\n"
    )


if __name__ == "__main__":
    main()
