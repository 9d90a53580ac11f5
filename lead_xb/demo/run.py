"""`lead-xb demo`: one small drive, written natively for two platforms, converted, checked and drawn."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.demo.drive import MAX_DURATION_S, make_drive
from lead_xb.demo.lead_format import write_lead
from lead_xb.demo.navsim_format import write_navsim
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.atomic import atomic_write
from lead_xb.store.check import check_store
from lead_xb.store.engine import ConvertReport, convert
from lead_xb.store.pool import LocalPool
from lead_xb.store.progress import RichProgress
from lead_xb.store.scene import Scene
from lead_xb.store.store import SceneStore, open_store
from lead_xb.store.tasks import Source
from lead_xb.viz.sheet import Instant, compare_sheet, frame_sheet, sheet_to_png
from lead_xb.viz.video import scene_video

DISK_BYTES_PER_S = 12e6
"""Native files, stores and pictures for a second of driving, with a margin (measured: 8 MB)."""

WRITERS: dict[str, Callable[..., Path]] = {"CARLA expert log (LEAD)": write_lead, "NAVSIM log and map": write_navsim}


def demo_options(config: Mapping[str, Any]) -> tuple[float, int]:
    """Length of the drive, s, and seed; LeadXbError for what no drive can be made of."""
    seconds, seed = config["seconds"], config["seed"]
    if not (isinstance(seconds, int | float) and 1.0 <= seconds <= MAX_DURATION_S and isinstance(seed, int)):
        raise LeadXbError(f"seconds={seconds} seed={seed}; expected 1 to {MAX_DURATION_S:g} seconds and a whole number")
    return float(seconds), seed


def run_demo(out: Path, *, seconds: float, seed: int, console: Console) -> int:
    """Run every stage; returns the exit code.

    Raises:
        LeadXbError: not enough disk, or `out` holds something else than an earlier demo.
    """
    _require_place(out, seconds)
    started = time.monotonic()
    console.print(f"1/4 a drive of {seconds:g} s, written natively for CARLA and NAVSIM (20-40 s) ...", markup=False)
    _write_native(out / "native", seconds, seed)
    console.print("2/4 native logs -> canonical scenes ...", markup=False)
    reports = {name: _convert(source, out / name, console) for name, source in sources(out / "native").items()}
    console.print("3/4 checksums, schema, references ...", markup=False)
    stores = {name: open_store(out / name) for name in reports}
    problems = {name: _check(store, console) for name, store in stores.items()}
    console.print("4/4 pictures ...", markup=False)
    pictures = draw(stores, out / "pictures")
    _write_result(out, reports, problems, pictures)
    _summary(out, reports, problems, pictures, console)
    console.print(f"done in {time.monotonic() - started:.0f} s; open {pictures[0]}", markup=False)
    console.print(f"next: lead-xb view store={out / 'carla'} video=true   or   lead-xb convert --help", markup=False)
    return 1 if any(problems.values()) else 0


def sources(native: Path) -> dict[str, Source]:
    """The convert sources of the demo's native files."""
    return {
        "carla": CarlaConfig(source=native / "carla_leaderboard2").build(),
        "navsim": NavsimConfig(
            source=native / "openscene", maps=native / "maps", split="mini", images="reference", lidar="keep"
        ).build(),
    }


def same_instants(carla: Scene, navsim: Scene) -> list[tuple[int, int]]:
    """Rows of the two scenes that record the same instant: both drives start together, at 4 and at 2 Hz."""
    start = navsim.frame(0).timestamp_us
    rows = {frame.timestamp_us: frame.scene_row for frame in carla}
    first = carla.frame(0).timestamp_us
    pairs = [(rows.get(frame.timestamp_us - start + first), frame.scene_row) for frame in navsim]
    return [(left, right) for left, right in pairs if left is not None]


def draw(stores: dict[str, SceneStore], folder: Path) -> list[Path]:
    """One sheet that shows the same instant from both stores, a sheet of each, the perturbed rig, and a video."""
    folder.mkdir(parents=True, exist_ok=True)
    carla, navsim = (stores[name].scene(stores[name].scene_ids[0]) for name in ("carla", "navsim"))
    pairs = same_instants(carla, navsim)
    left, right = pairs[len(pairs) // 3]
    sheets = {
        "same_instant": compare_sheet(Instant(scene=carla, row=left), Instant(scene=navsim, row=right, map=navsim.map)),
        "carla": frame_sheet(carla, left),
        "carla_perturbed": frame_sheet(carla, left, view="perturbed"),
        "navsim": frame_sheet(navsim, right, map=navsim.map),
    }
    paths = []
    for name, image in sheets.items():
        paths.append(folder / f"{name}.png")
        sheet_to_png(paths[-1], image)
    scene_video(folder / "carla.mp4", carla)
    return [*paths, folder / "carla.mp4"]


def _write_native(root: Path, seconds: float, seed: int) -> None:
    """Both writers at once, each in a process of its own."""
    with ProcessPoolExecutor(len(WRITERS), mp_context=get_context("spawn")) as pool:
        for future in [pool.submit(_write, writer, root, seconds, seed) for writer in WRITERS.values()]:
            future.result()


def _write(writer: Callable[..., Path], root: Path, seconds: float, seed: int) -> None:
    writer(make_drive(seed=seed, duration_s=seconds), root)


def _convert(source: Source, out: Path, console: Console) -> ConvertReport:
    with RichProgress(console) as progress:
        report = convert(source, out, pool=LocalPool(), progress=progress)
    if report.failures:
        failure = report.failures[0]
        raise LeadXbError(f"the demo's own {source.name} data did not convert: {failure.file} {failure.reason}")
    return report


def _check(store: SceneStore, console: Console) -> int:
    found = [problem for _, problems in check_store(store) for problem in problems]
    for problem in found:
        console.print(f"{problem.where}: {problem.what}", markup=False)
    return len(found)


def _summary(
    out: Path, reports: dict[str, ConvertReport], problems: dict[str, int], pictures: Sequence[Path], console: Console
) -> None:
    table = Table("store", "rows", "MB", "MB native", "problems", title=str(out), title_justify="left")
    for name, report in reports.items():
        stored = sum(entry.bytes for entry in report.written) / 1e6
        native = sum(entry.native_bytes for entry in report.written) / 1e6
        rows = report.dataset.counts["rows"]
        table.add_row(str(out / name), str(rows), f"{stored:.1f}", f"{native:.1f}", str(problems[name]))
    console.print(table)
    for picture in pictures:
        console.print(f"  {picture}", markup=False)


def _write_result(
    out: Path, reports: dict[str, ConvertReport], problems: dict[str, int], pictures: Sequence[Path]
) -> None:
    result: dict[str, Any] = {
        "command": "demo",
        "stores": {
            name: {"counts": report.dataset.counts, "checksums": report.dataset.checksums, "problems": problems[name]}
            for name, report in reports.items()
        },
        "pictures": [picture.name for picture in pictures],
    }
    with atomic_write(out / "result.json") as file:
        file.write((json.dumps(result, indent=2, sort_keys=True) + "\n").encode())


def _require_place(out: Path, seconds: float) -> None:
    """The demo always starts afresh, and only in a folder that is its own."""
    marker = out / ".lead_xb_demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise LeadXbError(f"{out} holds other files; give a new or empty folder as out=")
    for name in ("native", "carla", "navsim", "pictures"):
        shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    marker.touch()
    free, needed = shutil.disk_usage(out).free, DISK_BYTES_PER_S * max(seconds, 1.0)
    if free < needed:
        raise LeadXbError(f"{out}: the demo needs {needed / 1e6:.0f} MB but {free / 1e6:.0f} MB are free")
