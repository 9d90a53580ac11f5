"""Scene: a canonical Arrow file, memory-mapped, validated when it is opened."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

import pyarrow as pa

from lead_xb.schemas.errors import DataError, LeadXbError, SchemaError
from lead_xb.schemas.scene import SceneMeta, scene_meta
from lead_xb.schemas.validation import expected_types, validate_batch, validate_schema
from lead_xb.store.atomic import crc32c_of
from lead_xb.store.frame import NULLABLE_COLUMNS, Frame
from lead_xb.store.maps import Map
from lead_xb.store.payload import Roots

ADVICE = "restore it or convert the scene again"


@dataclass(frozen=True)
class Scene:
    """An opened scene. Frames are views into the memory map.

    Attributes:
        path: the file.
        meta: what is true of the whole scene.
        batches: validated record batches.
        roots: folders of referenced payloads.
        open_map: opens a map of the store.
        strict: referenced bytes must have the SHA-256 that was recorded.
    """

    path: Path
    meta: SceneMeta
    batches: tuple[pa.RecordBatch, ...]
    roots: Roots = field(default_factory=dict)
    open_map: Callable[[str], Map] | None = None
    strict: bool = False

    @property
    def map(self) -> Map | None:
        """The map the scene lies on; None if its source has none. LeadXbError for a scene opened without a store."""
        if self.meta.map_id is None:
            return None
        if self.open_map is None:
            raise LeadXbError(
                f"{self.path} was opened without its store; use lead_xb.open(root).scene(...) for its map"
            )
        return self.open_map(self.meta.map_id)

    def with_map(self, open_map: Callable[[str], Map]) -> Scene:
        """The same scene with a way to open its map."""
        return replace(self, open_map=open_map)

    def __len__(self) -> int:
        return self._ends[-1] if self.batches else 0

    def __iter__(self) -> Iterator[Frame]:
        return (self.frame(row) for row in range(len(self)))

    def frame(self, row: int) -> Frame:
        """Row `row`; IndexError names the range."""
        if not 0 <= row < len(self):
            raise IndexError(f"scene {self.meta.scene_id} has rows 0 to {len(self) - 1}, not {row}")
        ends = self._ends
        index = bisect.bisect_right(ends, row)
        start = ends[index - 1] if index else 0
        return Frame(self.batches[index], row - start, self.meta, row, self.roots, self.strict)

    def table(self, columns: list[str]) -> pa.Table:
        """Some columns of all rows; the others are not touched. A column of a later minor is all null."""
        there = [name for name in columns if name in self.batches[0].schema.names]
        table = pa.Table.from_batches([batch.select(there) for batch in self.batches])
        types = expected_types(self.meta)
        for name in (name for name in columns if name not in there):
            if name not in NULLABLE_COLUMNS:
                raise SchemaError(f"scene {self.meta.scene_id} has no column {name!r}")
            table = table.append_column(name, pa.nulls(len(self), types[name]))
        return table.select(columns)

    @property
    def _ends(self) -> list[int]:
        return list(accumulate(batch.num_rows for batch in self.batches))


def open_scene(path: Path, *, roots: Roots | None = None, crc32c: str | None = None) -> Scene:
    """Open and validate a scene file.

    Args:
        path: an `.arrow` file.
        roots: folders of referenced payloads.
        crc32c: checksum that the file must have (strict mode); None skips it.

    Raises:
        DataError: unreadable, damaged, or another checksum.
        SchemaError: an Arrow file that is not a scene of this schema.
    """
    if crc32c is not None:
        require_checksum(path, crc32c)
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        meta = scene_meta(reader.schema, str(path))
        validate_schema(reader.schema, meta, str(path))
        batches = tuple(reader.get_batch(i) for i in range(reader.num_record_batches))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(path, f"not a readable Arrow file ({error})", advice=ADVICE) from error
    if not batches:
        raise SchemaError(f"{path}: the scene has no rows; {ADVICE}")
    for batch in batches:
        validate_batch(batch, str(path))
    return Scene(path, meta, batches, roots or {}, strict=crc32c is not None)


def require_checksum(path: Path, crc32c: str) -> None:
    """DataError unless the file has this CRC32C."""
    try:
        actual = crc32c_of(path)
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", advice=ADVICE) from error
    if actual != crc32c:
        raise DataError(path, f"CRC32C is {actual}, the manifest says {crc32c}", advice=ADVICE)
