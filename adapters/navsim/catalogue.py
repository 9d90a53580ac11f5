"""Which logs and synthetic scenes a source holds, found without reading more than the first bytes of each."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lead_xb.adapters.navsim.logs import read_log
from lead_xb.adapters.navsim.maps import location_of
from lead_xb.adapters.navsim.peek import peek_texts
from lead_xb.adapters.navsim.synthetic import SceneLinks, read_synthetic
from lead_xb.schemas.errors import LeadXbError

LOGS = "navsim_logs"
SENSOR_BLOBS = "sensor_blobs"
SCENE_PICKLES = "synthetic_scene_pickles"
_LINK_KEYS = frozenset({"log_name", "map_name", "initial_token", "corresponding_original_scene"})


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log and the data folders that hold it; `path` is the one in the first of them."""

    path: Path
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SyntheticFile:
    """A synthetic scene and its two-stage folder."""

    path: Path
    folder: str
    links: SceneLinks


def data_folders(source: Path) -> list[str]:
    """Names of the folders of logs; LeadXbError if the source has none."""
    root = source / LOGS
    names = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if not names:
        raise LeadXbError(
            f"{source} has no {LOGS}/<folder>/; give source=OPENSCENE_DATA_ROOT, the folder that holds "
            f"{LOGS}/ and {SENSOR_BLOBS}/"
        )
    return names


def find_logs(source: Path, folders: Sequence[str]) -> dict[str, LogFile]:
    """Log name -> log, sorted by name.

    NAVSIM's mini logs also lie in its other folders: a log that several folders hold is taken once.

    Raises:
        LeadXbError: there is none, or two folders hold different logs of one name.
    """
    logs: dict[str, LogFile] = {}
    for folder in folders:
        for path in sorted((source / LOGS / folder).glob("*.pkl")):
            known = logs.get(path.stem)
            if known is None:
                logs[path.stem] = LogFile(path, (folder,))
            elif filecmp.cmp(known.path, path, shallow=False):
                logs[path.stem] = LogFile(known.path, (*known.folders, folder))
            else:
                raise LeadXbError(
                    f"{known.path} and {path} are different logs of one name; convert the folders one by one with "
                    f"split={known.folders[0]} and split={folder}, each into its own out="
                )
    if not logs:
        raise LeadXbError(f"no log pickles in {source / LOGS}/{{{','.join(folders)}}}; complete the download")
    return dict(sorted(logs.items()))


def log_location(path: Path) -> str:
    """The city of a log; DataError if it is damaged."""
    location = peek_texts(path, frozenset({"map_location"})).get("map_location")
    return location_of(read_log(path)[0].text("map_location") if location is None else location)


def find_synthetic(source: Path) -> list[SyntheticFile]:
    """Synthetic scenes of all two-stage folders of a source, sorted; DataError if one is damaged."""
    pickles = sorted(source.glob(f"*/{SCENE_PICKLES}/*.pkl"))
    return [SyntheticFile(path, path.parent.parent.name, _links(path)) for path in pickles]


def _links(path: Path) -> SceneLinks:
    texts = peek_texts(path, _LINK_KEYS)
    if len(texts) < len(_LINK_KEYS):
        return SceneLinks.of(read_synthetic(path).metadata)
    return SceneLinks(
        log_name=texts["log_name"],
        location=location_of(texts["map_name"]),
        initial_token=texts["initial_token"],
        original_token=texts["corresponding_original_scene"],
    )
