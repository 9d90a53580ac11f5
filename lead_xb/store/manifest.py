"""manifest.jsonl: one line per finished file of a store. It is what resume and `check` trust."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lead_xb.schemas.errors import DataError
from lead_xb.store.atomic import atomic_write

NAME = "manifest.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A finished scene or map.

    Attributes:
        kind: `scene` or `map`.
        id: scene_id or map_id.
        rows: number of rows.
        bytes: size of the file.
        crc32c: checksum of the file, 8 hex digits.
        native_bytes: size of the native files it was made from.
    """

    kind: str
    id: str
    rows: int
    bytes: int
    crc32c: str
    native_bytes: int

    @property
    def key(self) -> tuple[str, str]:
        """Order in the finished manifest: maps first, then scenes, each by id."""
        return (self.kind, self.id)

    def path(self, root: Path) -> Path:
        """The file in the store."""
        return stored_path(root, self.kind, self.id)

    def line(self) -> str:
        """The manifest line, without the line break."""
        data: dict[str, Any] = asdict(self)
        kind, name = data.pop("kind"), data.pop("id")
        return json.dumps({kind: name, **data}, separators=(",", ":"))


def stored_path(root: Path, kind: str, name: str) -> Path:
    """`scenes/<id>.arrow` or `maps/<id>.arrow`."""
    return root / f"{kind}s" / f"{name}.arrow"


def read_manifest(root: Path) -> dict[tuple[str, str], Entry]:
    """All entries by (kind, id); the last line wins where a file was written again.

    A last line without a line break is what a killed run leaves: it is not an entry yet. Any other line that
    cannot be read is damage and refused.
    """
    path = root / NAME
    if not path.exists():
        return {}
    data = path.read_bytes()
    entries: dict[tuple[str, str], Entry] = {}
    offset = 0
    for line in data.split(b"\n")[:-1]:
        entry = _entry(line, path, offset)
        entries[entry.key] = entry
        offset += len(line) + 1
    return entries


def append_entry(root: Path, entry: Entry) -> None:
    """Add a finished file; it is on disk when this returns."""
    path = root / NAME
    with path.open("r+b" if path.exists() else "w+b") as file:
        data_end = _end_of_last_line(file.read())
        file.seek(data_end)
        file.truncate()
        file.write(entry.line().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def write_manifest(root: Path, entries: Iterable[Entry]) -> None:
    """The final manifest: sorted, so that it does not tell in which order workers finished."""
    with atomic_write(root / NAME) as file:
        for entry in sorted(entries, key=lambda entry: entry.key):
            file.write(entry.line().encode() + b"\n")


def _end_of_last_line(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _entry(line: bytes, path: Path, offset: int) -> Entry:
    try:
        data = json.loads(line)
        kind = "map" if "map" in data else "scene"
        entry = Entry(kind=kind, id=data.pop(kind), **data)
        if not (isinstance(entry.id, str) and isinstance(entry.bytes, int) and isinstance(entry.crc32c, str)):
            raise TypeError("a field has the wrong type")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        advice = "restore the file, or delete the store and convert again"
        raise DataError(path, f"not a manifest line ({error!r})", offset=offset, advice=advice) from error
    return entry
