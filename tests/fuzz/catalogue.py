"""The kinds by name, each made when it is first asked for, in a folder of its own."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.adapters.navsim.synthetic import SyntheticTask
from lead_xb.store.tasks import Source

from ..store.golden_routes import ROOT, SCENARIO, copy_routes
from ..store.running import run
from .kinds import Codec, Damaged, Kind, Native, Resumed, Stored, head, inside_xz, inside_zip
from .mutate import mutate

NAVSIM = ROOT / "tests/golden/navsim/native"
CITY = "us-ma-boston"
SYNTHETIC = "navhard_two_stage/synthetic_scene_pickles"


def lead_source(folder: Path) -> Callable[[], Source]:
    """One route of one frame, without the perturbed rig, as a source."""
    root = copy_routes(folder / "lead", frames=1, names=("one",))
    for perturbed in (root / "data" / SCENARIO / "one").glob("*_perturbated"):
        shutil.rmtree(perturbed)
    return lambda: CarlaConfig(source=root).build()


def lead_zip_source(folder: Path) -> Callable[[], Source]:
    """The same route as a zip."""
    lead_source(folder)
    root, path = folder / "lead/data" / SCENARIO, folder / "zips" / SCENARIO / "one.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in (root / "one").rglob("*") if path.is_file()):
            archive.write(file, file.relative_to(root))
    return lambda: CarlaConfig(source=folder / "zips").build()


def navsim_source(folder: Path) -> Callable[[], Source]:
    """The log that has sensor files, with one image and one cloud, a synthetic scene of it, and its map."""
    log = next(path.name for path in sorted((NAVSIM / "sensor_blobs/test").iterdir()))
    _copy(NAVSIM / f"navsim_logs/test/{log}.pkl", folder / f"navsim/navsim_logs/test/{log}.pkl")
    for sensor in ("CAM_F0", "MergedPointCloud"):
        file = min((NAVSIM / f"sensor_blobs/test/{log}/{sensor}").iterdir())
        _copy(file, folder / f"navsim/sensor_blobs/test/{log}/{sensor}/{file.name}")
    shutil.copytree(NAVSIM / "navhard_two_stage", folder / "navsim/navhard_two_stage")
    _copy(NAVSIM / f"maps/{CITY}/9.99.0001/map.gpkg", folder / f"maps/{CITY}/9.99.0001/map.gpkg")
    versions = json.loads((NAVSIM / "maps/nuplan-maps-v1.0.json").read_text())
    (folder / "maps/nuplan-maps-v1.0.json").write_text(json.dumps({CITY: versions[CITY]}))
    root, maps = folder / "navsim", folder / "maps"
    config = NavsimConfig(source=root, maps=maps, images="keep", sensors="present")
    used = sorted(task.id for task in config.build().tasks() if isinstance(task, SyntheticTask))
    for path in (root / SYNTHETIC).iterdir():
        if path.stem != used[0]:
            path.unlink()
    return lambda: config.build()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


SourceOf = Callable[[Path], Callable[[], Source]]


def native(source_of: SourceOf, pattern: str, codec: Codec = mutate) -> Callable[[Path], Kind]:
    """Native files of a source."""

    def make(folder: Path) -> Kind:
        source = source_of(folder)
        return Native(source, folder / "store", Damaged(sorted(folder.glob(pattern)), codec))

    return make


def stored(source_of: SourceOf, pattern: str, *, strict: bool) -> Callable[[Path], Kind]:
    """Files of the store that a source becomes."""

    def make(folder: Path) -> Kind:
        run(source_of(folder)(), folder / "store")
        return Stored(folder / "store", Damaged(sorted((folder / "store").glob(pattern))), strict)

    return make


def resumed(pattern: str) -> Callable[[Path], Kind]:
    """Files of a finished store before the conversion runs again."""

    def make(folder: Path) -> Kind:
        source = lead_source(folder)()
        run(source, folder / "store")
        return Resumed(source, folder / "store", Damaged(sorted((folder / "store").glob(pattern))))

    return make


FILES = {"index": "index.parquet", "manifest": "manifest.jsonl", "dataset": "dataset.json"}
LEAD, LOGS = "lead/data/*/one", "navsim/navsim_logs/test"

KINDS: dict[str, Callable[[Path], Kind]] = {
    **{f"scene {mode}": stored(lead_source, "scenes/*", strict=mode == "strict") for mode in ("default", "strict")},
    **{f"log {mode}": stored(navsim_source, "scenes/*", strict=mode == "strict") for mode in ("default", "strict")},
    **{f"map {mode}": stored(navsim_source, "maps/*", strict=mode == "strict") for mode in ("default", "strict")},
    **{f"{name} default": stored(lead_source, file, strict=False) for name, file in FILES.items()},
    **{f"{name} strict": stored(lead_source, file, strict=True) for name, file in FILES.items()},
    **{f"{name} resumed": resumed(file) for name, file in {**FILES, "scene": "scenes/*"}.items()},
    "lead meta": native(lead_source, f"{LEAD}/metas/*"),
    "lead meta pickle": native(lead_source, f"{LEAD}/metas/*", inside_xz),
    "lead boxes": native(lead_source, f"{LEAD}/bboxes/*"),
    "lead boxes pickle": native(lead_source, f"{LEAD}/bboxes/*", inside_xz),
    "lead laz": native(lead_source, f"{LEAD}/lidar/*"),
    "lead radar": native(lead_source, f"{LEAD}/radar/*"),
    "lead radar array": native(lead_source, f"{LEAD}/radar/*", inside_zip),
    "lead png": native(lead_source, f"{LEAD}/*/*.png"),
    "lead png header": native(lead_source, f"{LEAD}/*/*.png", head),
    "lead jpg": native(lead_source, f"{LEAD}/rgb/*"),
    "lead jpg header": native(lead_source, f"{LEAD}/rgb/*", head),
    "lead results": native(lead_source, f"{LEAD}/results.json"),
    "lead zip": native(lead_zip_source, "zips/*/*"),
    "lead zip member": native(lead_zip_source, "zips/*/*", inside_zip),
    "navsim log": native(navsim_source, f"{LOGS}/*"),
    "navsim synthetic": native(navsim_source, f"navsim/{SYNTHETIC}/*"),
    "navsim map": native(navsim_source, "maps/*/*/*"),
    "navsim map list": native(navsim_source, "maps/*.json"),
    "navsim pcd": native(navsim_source, "navsim/sensor_blobs/test/*/*/*.pcd"),
    "navsim jpg": native(navsim_source, "navsim/sensor_blobs/test/*/*/*.jpg"),
}
"""Files of stores opened by default, strictly, or before a conversion goes on; and native files."""
