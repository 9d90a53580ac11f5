"""SceneStore: the public way into a folder of canonical scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.index import INDEX_SCHEMA
from lead_xb.store.dataset import Dataset, read_dataset
from lead_xb.store.index import NAME as INDEX_NAME
from lead_xb.store.index import read_index
from lead_xb.store.manifest import NAME as MANIFEST_NAME
from lead_xb.store.manifest import Entry, read_manifest, stored_path
from lead_xb.store.map_file import open_map
from lead_xb.store.maps import Map
from lead_xb.store.payload import Roots
from lead_xb.store.scene import Scene, open_scene, require_checksum


@dataclass(frozen=True)
class SceneStore:
    """An opened store. Scenes and maps are opened when they are asked for.

    Attributes:
        root: the folder.
        dataset: what `dataset.json` says.
        roots: folders of referenced payloads, overrides applied.
        strict: every file that is opened must have the checksum of the manifest, every referenced one its SHA-256.
    """

    root: Path
    dataset: Dataset
    roots: Roots
    strict: bool = False
    _maps: dict[str, Map] = field(default_factory=dict)

    @cached_property
    def entries(self) -> dict[tuple[str, str], Entry]:
        """Finished files by (kind, id). While a conversion runs, a strict store has none."""
        if self.strict:
            require_checksum(self.root / MANIFEST_NAME, self._described(MANIFEST_NAME))
        entries = read_manifest(self.root)
        expected = self.dataset.counts.get("scenes", 0) + self.dataset.counts.get("maps", 0)
        if len(entries) < expected:
            reason = f"has {len(entries)} lines, dataset.json counts {expected} scenes and maps"
            raise DataError(self.root / MANIFEST_NAME, reason, advice="restore it or convert again")
        return entries

    @property
    def scene_ids(self) -> list[str]:
        """Ids of all scenes, sorted."""
        return sorted(name for kind, name in self.entries if kind == "scene")

    @property
    def index(self) -> pl.LazyFrame:
        """One row per scene row; filter it with polars expressions or SQL. It must have the checksum it was given."""
        return read_index(self.root, crc32c=self._described(INDEX_NAME))

    def filter(self, condition: str) -> pl.LazyFrame:
        """Index rows that fulfil an SQL condition, such as `location != 'Town13' AND speed_mps > 2`.

        Raises:
            LeadXbError: not an SQL expression over the columns of the index.
        """
        try:
            found = self.index.filter(pl.sql_expr(condition))
            found.collect_schema()
        except pl.exceptions.PolarsError as error:
            reason = " ".join(str(error).split())
            raise LeadXbError(f"filter {condition!r}: {reason}; columns are {', '.join(INDEX_SCHEMA.names)}") from error
        return found

    def scene(self, scene_id: str) -> Scene:
        """Open one scene; LeadXbError names ids that exist."""
        crc32c = self._checksum("scene", scene_id)
        scene = open_scene(stored_path(self.root, "scene", scene_id), roots=self.roots, crc32c=crc32c)
        return scene.with_map(self.map)

    def map(self, map_id: str) -> Map:
        """Open one map; it is kept open, since scenes share it."""
        if map_id not in self._maps:
            crc32c = self._checksum("map", map_id)
            self._maps[map_id] = open_map(stored_path(self.root, "map", map_id), crc32c=crc32c)
        return self._maps[map_id]

    def _described(self, name: str) -> str:
        """The checksum that `dataset.json` has for one of the files beside it."""
        if name not in self.dataset.checksums:
            raise LeadXbError(f"{self.root}: its conversion was not finished; run the same `lead-xb convert` again")
        return self.dataset.checksums[name]

    def _checksum(self, kind: str, name: str) -> str | None:
        entry = self.entries.get((kind, name))
        if entry is None:
            known = sorted(n for k, n in self.entries if k == kind)
            shown = ", ".join(known[:5]) + (f" ... ({len(known)} in all)" if len(known) > 5 else "")
            raise LeadXbError(f"{self.root} has no {kind} {name!r}; it has {shown or 'none'}")
        return entry.crc32c if self.strict else None


def open_store(root: Path | str, *, strict: bool = False, roots: Mapping[str, Path | str] | None = None) -> SceneStore:
    """Open a store.

    Args:
        root: folder that `lead-xb convert` wrote.
        strict: check the CRC32C of each file when it is opened, and the SHA-256 of what is referenced.
        roots: root_id -> folder, where referenced payloads have moved.
    """
    root = Path(root)
    dataset = read_dataset(root)
    folders = {name: Path(folder) for name, folder in dataset.roots.items()}
    if unknown := set(roots or {}) - set(folders):
        raise LeadXbError(f"{root} has no payload roots {sorted(unknown)}; it has {sorted(folders) or 'none'}")
    folders.update({name: Path(folder) for name, folder in (roots or {}).items()})
    return SceneStore(root, dataset, folders, strict)
