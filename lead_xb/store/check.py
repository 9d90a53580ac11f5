"""`lead-xb check`: is a store whole? Checksums, schema, packed cells, index, referenced files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.map import Layer
from lead_xb.schemas.sensors import POINT_GROUPS, group_of, is_sensor_column
from lead_xb.schemas.validation import validate_tokens
from lead_xb.store.atomic import PARTIAL_SUFFIX
from lead_xb.store.index import NAME as INDEX_NAME
from lead_xb.store.index import read_index_strictly
from lead_xb.store.manifest import NAME as MANIFEST_NAME
from lead_xb.store.manifest import Entry
from lead_xb.store.map_file import open_map
from lead_xb.store.payload import read_reference, resolve
from lead_xb.store.quarantine import NAME as QUARANTINE_NAME
from lead_xb.store.scene import Scene, open_scene, require_checksum
from lead_xb.store.store import SceneStore

PARTS_BESIDE_FILES = 4
"""Description, manifest, index and folder, which `check_store` yields beside one part for each scene and map."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a store, in a sentence that says what to do."""

    where: str
    what: str


def check_store(store: SceneStore, *, references: str = "verify") -> Iterator[tuple[str, list[Problem]]]:
    """Check file after file; yields (what was checked, its problems).

    Args:
        store: the store, opened with the folders of its payload roots.
        references: `verify` reads and hashes referenced files, `exist` looks for them only, `skip` leaves them out.
    """
    yield "description", list(_check_description(store))
    unreadable = list(_errors(lambda: store.entries, store.root / MANIFEST_NAME))
    yield "manifest", unreadable
    if unreadable:
        return
    for entry in store.entries.values():
        problems = list(_check_map(store, entry) if entry.kind == "map" else _check_scene(store, entry, references))
        yield f"{entry.kind} {entry.id}", problems
    yield "index", list(_check_index(store))
    yield "folder", list(_check_strangers(store))


def _check_description(store: SceneStore) -> Iterator[Problem]:
    if quarantined := store.dataset.counts.get("quarantined"):
        where = str(store.root / QUARANTINE_NAME)
        yield Problem(where, f"{quarantined} scenes or maps could not be converted; mend their files and convert again")
    elif not store.dataset.complete:
        yield Problem(str(store.root), "the conversion was not finished; run the same `lead-xb convert` again")
    for name in (MANIFEST_NAME, INDEX_NAME):
        expected = store.dataset.checksums.get(name)
        if store.dataset.complete and expected is None:
            yield Problem(str(store.root / name), "dataset.json has no checksum for it; convert again")
        elif expected is not None:
            yield from _errors(partial(require_checksum, store.root / name, expected), store.root / name)


def _check_map(store: SceneStore, entry: Entry) -> Iterator[Problem]:
    path = entry.path(store.root)
    yield from _errors(partial(_read_map, path, entry), path)


def _read_map(path: Path, entry: Entry) -> None:
    opened = open_map(path, crc32c=entry.crc32c)
    for layer in Layer:
        for element in opened.elements(layer):
            _ = element.geometry, element.native
    if (opened.meta.map_id, len(opened)) != (entry.id, entry.rows):
        raise DataError(path, f"is {opened.meta.map_id!r} with {len(opened)} rows, the manifest says otherwise")


def _check_scene(store: SceneStore, entry: Entry, references: str) -> Iterator[Problem]:
    path = entry.path(store.root)
    try:
        scene = open_scene(path, roots=store.roots, crc32c=entry.crc32c)
        validate_tokens(scene.table(["frame.token"])["frame.token"], str(path))
    except LeadXbError as error:
        yield Problem(str(path), str(error))
        return
    if (scene.meta.scene_id, len(scene)) != (entry.id, entry.rows):
        yield Problem(str(path), f"is {scene.meta.scene_id!r} with {len(scene)} rows, the manifest says otherwise")
    if scene.meta.map_id is not None and ("map", scene.meta.map_id) not in store.entries:
        yield Problem(str(path), f"needs the map {scene.meta.map_id!r}, which the store does not hold; convert again")
    yield from _check_cells(scene, references)


def _check_cells(scene: Scene, references: str) -> Iterator[Problem]:
    """Packed cells unpack; referenced files are there."""
    for frame in scene:
        where = f"{scene.path} row {frame.scene_row}"
        yield from _errors(frame.extra, where)
        for column in filter(is_sensor_column, frame.columns()):
            value = frame[column]
            if value is None or (value["reference"] is not None and references == "skip"):
                continue
            if value["reference"] is None:
                if group_of(column) in POINT_GROUPS:
                    yield from _errors(partial(frame.native_points, column), f"{where} {column}")
                continue
            if references == "exist":
                file = resolve(value["reference"], scene.roots)
                if not file.is_file():
                    yield Problem(
                        str(file), f"is missing; give its folder as roots.{value['reference']['root_id']}=PATH"
                    )
            else:
                yield from _errors(partial(read_reference, value["reference"], scene.roots, verify=True), where)


def _check_index(store: SceneStore) -> Iterator[Problem]:
    path = store.root / INDEX_NAME
    try:
        index = read_index_strictly(store.root)
    except DataError as error:
        yield Problem(str(path), str(error))
        return
    counts = index.group_by("scene").aggregate([("row", "count")])
    indexed = dict(zip(counts["scene"].to_pylist(), counts["row_count"].to_pylist(), strict=True))
    expected = {entry.id: entry.rows for entry in store.entries.values() if entry.kind == "scene"}
    for name in sorted(set(indexed) ^ set(expected)):
        yield Problem(str(path), f"scene {name!r} is in {'the index' if name in indexed else 'the store'} only")
    for name in sorted(n for n in set(indexed) & set(expected) if indexed[n] != expected[n]):
        yield Problem(str(path), f"scene {name!r} has {indexed[name]} rows in the index, {expected[name]} in the store")


def _check_strangers(store: SceneStore) -> Iterator[Problem]:
    known = {entry.path(store.root) for entry in store.entries.values()}
    for folder in ("scenes", "maps"):
        for path in sorted((store.root / folder).glob("*")):
            if path not in known and not path.name.endswith(PARTIAL_SUFFIX):
                yield Problem(str(path), "is not in the manifest; convert again, or move it out of the store")


def _errors(action: Callable[[], object], where: Path | str) -> Iterator[Problem]:
    try:
        action()
    except LeadXbError as error:
        yield Problem(str(where), str(error))
