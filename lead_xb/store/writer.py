"""SceneWriter: rows in, one canonical Arrow file out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.scene import FIXED_COLUMNS, ROWS_PER_BATCH, SceneMeta, scene_schema, sensor_columns
from lead_xb.schemas.validation import validate_batch
from lead_xb.store.atomic import ChecksumFile, atomic_write
from lead_xb.store.build import build_batch
from lead_xb.store.frame import Frame
from lead_xb.store.lossless import ExtraPacker, row_extra

Row = Mapping[str, Any]
"""One row: column name -> cell as `store.build` takes it. A column that is left out is null."""

Rebuild = Callable[[Frame], dict[str, Any]]
"""An adapter's inverse: the native objects of a row, as far as the typed columns hold them."""

BYTES_PER_BATCH = 64 << 20
"""A batch is closed at this size too, so that memory stays bounded whatever the payloads are."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the manifest keeps of a finished scene or map."""

    id: str
    rows: int
    bytes: int
    crc32c: str


class SceneWriter:
    """Collects rows into record batches of at most 64 rows or 64 MiB. Made by `write_scene`.

    With `rebuild`, each row is given together with its native objects; when a batch is complete they are rebuilt
    from the finished columns, and what does not come back bit for bit goes to `extra`.
    """

    def __init__(self, meta: SceneMeta, sink: ChecksumFile, rebuild: Rebuild | None) -> None:
        self.rows = 0
        self._meta = meta
        self._sink = sink
        self._rebuild = rebuild
        self._schema = scene_schema(meta)
        self._known = {column.name for column in FIXED_COLUMNS} | set(sensor_columns(meta.rig))
        self._pending: list[Row] = []
        self._natives: list[dict[str, Any]] = []
        self._pending_bytes = 0
        self._tokens: set[str] = set()
        self._packer: ExtraPacker | None = None
        self._arrow: pa.ipc.RecordBatchFileWriter | None = None

    def append(self, row: Row, native: dict[str, Any] | None = None) -> None:
        """Add one row; SchemaError if it has an unknown column or a token that was used before."""
        if unknown := set(row) - self._known:
            raise SchemaError(f"scene {self._meta.scene_id}: columns {sorted(unknown)} are not in its schema")
        token = row.get("frame.token")
        if token in self._tokens:
            raise SchemaError(f"scene {self._meta.scene_id}: token {token!r} occurs more than once")
        if (native is None) != (self._rebuild is None):
            raise SchemaError(f"scene {self._meta.scene_id}: native objects and `rebuild` belong together")
        self._tokens.add(str(token))
        self._pending.append(row)
        if native is not None:
            self._natives.append(native)
        self._pending_bytes += sum(_payload_bytes(cell) for cell in row.values())
        self.rows += 1
        if len(self._pending) >= ROWS_PER_BATCH or self._pending_bytes >= BYTES_PER_BATCH:
            self._flush()

    def finish(self) -> None:
        """Write the last batch and the footer; SchemaError if there was no row."""
        if not self.rows:
            raise SchemaError(f"scene {self._meta.scene_id} has no rows; an empty scene is never written")
        self._flush()
        if self._arrow is not None:
            self._arrow.close()

    def _flush(self) -> None:
        if not self._pending:
            return
        where = f"scene {self._meta.scene_id}"
        batch = build_batch(self._pending, self._schema, where=where)
        validate_batch(batch, where)
        if self._rebuild is not None:
            batch = self._with_extra(batch, self._rebuild)
        if self._arrow is None:
            # No compression: every buffer can be memory-mapped; large cells are packed one by one.
            self._arrow = pa.ipc.new_file(pa.PythonFile(self._sink, mode="w"), self._schema)
        self._arrow.write_batch(batch)
        self._pending, self._natives, self._pending_bytes = [], [], 0

    def _with_extra(self, batch: pa.RecordBatch, rebuild: Rebuild) -> pa.RecordBatch:
        start = self.rows - len(self._natives)
        extras = []
        for row, native in enumerate(self._natives):
            frame = Frame(batch, row, self._meta, start + row, {})
            extras.append(row_extra(native, rebuild(frame)))
        if self._packer is None:
            self._packer = ExtraPacker(extras[0])
            self._schema = scene_schema(replace(self._meta, extra=self._packer.scene))
        packed = pa.array([self._packer.pack(extra) for extra in extras], pa.binary())
        index = batch.schema.get_field_index("extra")
        columns = [packed if i == index else column for i, column in enumerate(batch.columns)]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


@contextmanager
def write_scene(
    path: Path, meta: SceneMeta, rebuild: Rebuild | None = None
) -> Iterator[tuple[SceneWriter, ChecksumFile]]:
    """Open a scene for writing; the file appears only if the block ends without an error.

    Yields the writer and the checksum file, whose `crc32c` and `bytes_written` are final after the block.
    """
    with atomic_write(path) as sink:
        writer = SceneWriter(meta, sink, rebuild)
        yield writer, sink
        writer.finish()


def write_rows(
    path: Path, meta: SceneMeta, rows: Iterable[tuple[Row, dict[str, Any] | None]], rebuild: Rebuild | None = None
) -> Written:
    """Write a whole scene from (row, native objects) pairs, one batch in memory at a time."""
    with write_scene(path, meta, rebuild) as (writer, sink):
        for row, native in rows:
            writer.append(row, native)
    return Written(meta.scene_id, writer.rows, sink.bytes_written, sink.crc32c)


def _payload_bytes(cell: Any) -> int:
    if isinstance(cell, bytes):
        return len(cell)
    if isinstance(cell, Mapping):
        return sum(len(value) for value in cell.values() if isinstance(value, bytes))
    return 0
