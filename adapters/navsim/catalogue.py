"""Which logs and synthetic scenes a source holds, found without reading more than the first bytes of each."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lead_xb.adapters.navsim.maps import location_of
from lead_xb.adapters.navsim.peek import peek_texts
from lead_xb.adapters.navsim.synthetic_scene import SceneLinks, read_synthetic
from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.store.pool import Failure, Pool

LOGS = "navsim_logs"
SENSOR_BLOBS = "sensor_blobs"
SCENE_PICKLES = "synthetic_scene_pickles"
UNSUPPORTED = "private_test_hard"
_LINK_KEYS = frozenset({"log_name", "map_name", "initial_token", "corresponding_original_scene"})


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log.

    Attributes:
        path: its pickle in the first of the folders.
        folders: data folders of the split that hold it.
        home: of all data folders that hold it, the one whose sensor files are its own.
    """

    path: Path
    folders: tuple[str, ...]
    home: str


@dataclass(frozen=True, slots=True)
class SyntheticFile:
    """A synthetic scene.

    Attributes:
        path: its pickle in the first of the folders.
        folders: two-stage folders that hold it.
        links: what it belongs to; None if neither its first bytes nor a worker could tell.
    """

    path: Path
    folders: tuple[str, ...]
    links: SceneLinks | None


def data_folders(source: Path) -> list[str]:
    """Names of the folders of logs that are supported; LeadXbError if the source has none."""
    root = source / LOGS
    names = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if not names:
        raise LeadXbError(
            f"{source} has no {LOGS}/<folder>/; give source=OPENSCENE_DATA_ROOT, the folder that holds "
            f"{LOGS}/ and {SENSOR_BLOBS}/"
        )
    supported = [name for name in names if not name.startswith(UNSUPPORTED)]
    require_supported(*(() if supported else names))
    return supported


def require_supported(*names: str) -> None:
    """LeadXbError if something of the challenge's private test set is asked for."""
    for name in names:
        if name.startswith(UNSUPPORTED):
            raise LeadXbError(
                f"{name} is not supported: it is one pickle of frames grouped by scene_token, and its synthetic "
                "pickles are lists; convert the other folders"
            )


def find_logs(source: Path, folders: Sequence[str], every: Sequence[str]) -> dict[str, LogFile]:
    """Log name -> log, sorted by name.

    NAVSIM's mini logs also lie in its other folders: a log that several folders hold is taken once.

    Args:
        source: OPENSCENE_DATA_ROOT.
        folders: data folders of the split.
        every: all data folders, so that the sensor files of a log do not depend on the split.

    Raises:
        LeadXbError: there is none, or two folders hold different logs of one name.
    """
    logs: dict[str, LogFile] = {}
    for folder in folders:
        for path in sorted((source / LOGS / folder).glob("*.pkl")):
            known = logs.get(path.stem)
            if known is None:
                logs[path.stem] = LogFile(path, (folder,), folder)
            elif filecmp.cmp(known.path, path, shallow=False):
                logs[path.stem] = replace(known, folders=(*known.folders, folder))
            else:
                raise LeadXbError(
                    f"{known.path} and {path} are different logs of one name; convert the folders one by one with "
                    f"split={known.folders[0]} and split={folder}, each into its own out="
                )
    if not logs:
        raise LeadXbError(f"no log pickles in {source / LOGS}/{{{','.join(folders)}}}; complete the download")
    return {name: replace(log, home=_home(source, log, every)) for name, log in sorted(logs.items())}


def _home(source: Path, log: LogFile, every: Sequence[str]) -> str:
    """The first folder that holds the log and has sensor files of it; else the first that holds it."""
    holders = [folder for folder in every if folder in log.folders or _holds(source / LOGS / folder, log.path)]
    with_sensors = (folder for folder in holders if (source / SENSOR_BLOBS / folder / log.path.stem).is_dir())
    return next(with_sensors, holders[0])


def _holds(folder: Path, log: Path) -> bool:
    twin = folder / log.name
    return twin.is_file() and filecmp.cmp(twin, log, shallow=False)


def log_location(path: Path) -> str | None:
    """The city of a log as its first bytes name it; None if they do not."""
    try:
        location = peek_texts(path, frozenset({"map_location"})).get("map_location")
    except DataError:
        return None
    return None if location is None else location_of(location)


def find_synthetic(source: Path, pool: Pool) -> list[SyntheticFile]:
    """Synthetic scenes of all two-stage folders of a source, sorted by name.

    The scenes of NAVSIM's warmup folder also lie in its navhard folder: such a scene is taken once. Pickles that do
    not begin with their names are read by the pool.

    Raises:
        LeadXbError: two folders hold different scenes of one name.
    """
    found: dict[str, tuple[Path, tuple[str, ...]]] = {}
    for path in sorted(source.glob(f"*/{SCENE_PICKLES}/*.pkl")):
        folder = path.parent.parent.name
        if folder.startswith(UNSUPPORTED):
            continue
        first, folders = found.get(path.stem, (path, ()))
        if folders and not filecmp.cmp(first, path, shallow=False):
            reason = f"{first} and {path} are different scenes of one name"
            raise LeadXbError(f"{reason}; move one of the two folders out of {source} and convert it by itself")
        found[path.stem] = (first, (*folders, folder))
    links: dict[Path, SceneLinks | None] = {path: _peeked(path) for path, _ in found.values()}
    silent = [path for path, known in links.items() if known is None]
    for path, outcome in pool.run(read_links, silent, str):
        links[path] = None if isinstance(outcome, Failure) else outcome
    return [SyntheticFile(path, folders, links[path]) for _, (path, folders) in sorted(found.items())]


def read_links(path: Path) -> SceneLinks:
    """What a synthetic scene belongs to, from the whole pickle; for workers, whose memory is limited."""
    return SceneLinks.of(read_synthetic(path).metadata)


def _peeked(path: Path) -> SceneLinks | None:
    try:
        texts = peek_texts(path, _LINK_KEYS)
    except DataError:
        return None
    if len(texts) < len(_LINK_KEYS):
        return None
    return SceneLinks(
        log_name=texts["log_name"],
        location=location_of(texts["map_name"]),
        initial_token=texts["initial_token"],
        original_token=texts["corresponding_original_scene"],
    )
