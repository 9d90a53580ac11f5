"""manifest.jsonl: one line per finished file of a store. It is what resume and `check` trust.

While a conversion runs, no checksum of the whole manifest exists yet, so each line carries one of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from lead_xb.schemas.errors import DataError
from lead_xb.store.atomic import WriteError, atomic_write, fsync_folder, seal_of

NAME = "manifest.jsonl"
_SEAL = "line_crc32c"
_TAIL_BYTES = 1 << 16


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
        fields = {kind: name, **data}
        return json.dumps({**fields, _SEAL: seal_of(fields)}, separators=(",", ":"))


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
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", advice="check the disk") from error
    entries: dict[tuple[str, str], Entry] = {}
    offset = 0
    for line in data.split(b"\n")[:-1]:
        entry = _entry(line, path, offset)
        entries[entry.key] = entry
        offset += len(line) + 1
    return entries


def append_entry(root: Path, entry: Entry) -> None:
    """Add a finished file; it is on disk when this returns. WriteError if the operating system refuses."""
    path = root / NAME
    try:
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(_end_of_last_line(file))
            file.seek(0, os.SEEK_END)
            file.write(entry.line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fsync_folder(root)
    except OSError as error:
        raise WriteError.of(path, error) from error


def write_manifest(root: Path, entries: Iterable[Entry]) -> None:
    """The final manifest: sorted, so that it does not tell in which order workers finished."""
    with atomic_write(root / NAME) as file:
        for entry in sorted(entries, key=lambda entry: entry.key):
            file.write(entry.line().encode() + b"\n")


def _end_of_last_line(file: IO[bytes]) -> int:
    """Where the next line starts: a killed run may have left the beginning of one, which is never long."""
    start = max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES)
    file.seek(start)
    return start + file.read().rfind(b"\n") + 1


def _entry(line: bytes, path: Path, offset: int) -> Entry:
    try:
        data = json.loads(line)
        if data.pop(_SEAL) != seal_of(data):
            raise ValueError("its checksum does not match")
        kind = "map" if "map" in data else "scene"
        entry = Entry(kind=kind, id=data.pop(kind), **data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        advice = "restore the file, or delete the store and convert again"
        raise DataError(path, f"not a manifest line ({error!r})", offset=offset, advice=advice) from error
    return entry
