"""Canonical map files: write one, open one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from lead_xb.schemas.errors import DataError, SchemaError
from lead_xb.schemas.map import MapMeta, map_meta, map_schema, validate_map, validate_map_schema
from lead_xb.store.atomic import atomic_write
from lead_xb.store.build import build_batch
from lead_xb.store.maps import Map
from lead_xb.store.scene import require_checksum
from lead_xb.store.writer import Row, Written

__all__ = ["MapMeta", "open_map", "write_map"]

ADVICE = "restore it or convert the map again"


def write_map(path: Path, meta: MapMeta, rows: Iterable[Row]) -> Written:
    """Write a whole map, one record batch per native layer, uncompressed so that it can be memory-mapped.

    Args:
        path: file to write; it appears whole or not at all.
        meta: its `layers` are counted here.
        rows: columns of `schemas/map.py`, grouped by native layer, in native order; a column left out is null.

    Raises:
        SchemaError: no rows, a cell that does not fit, or rows that break a rule of `validate_map`.
    """
    where = f"map {meta.map_id}"
    schema = map_schema(meta)
    batches = [_batch(list(group), schema, where) for _, group in groupby(rows, lambda row: row.get("native_layer"))]
    if not batches:
        raise SchemaError(f"{where} has no elements; an empty map is never written")
    counts = {batch.column("native_layer")[0].as_py(): batch.num_rows for batch in batches}
    meta = replace(meta, layers=counts)
    table = pa.Table.from_batches(batches).replace_schema_metadata(map_schema(meta).metadata)
    validate_map(table, meta, where)
    with atomic_write(path) as sink, pa.ipc.new_file(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        writer.write_table(table)
    return Written(meta.map_id, table.num_rows, sink.bytes_written, sink.crc32c)


def open_map(path: Path, *, crc32c: str | None = None) -> Map:
    """Open and validate a map file; its geometry is parsed when it is used.

    Args:
        path: an `.arrow` file.
        crc32c: checksum that the file must have (strict mode); None skips it.

    Raises:
        DataError: unreadable, damaged, or another checksum.
        SchemaError: an Arrow file that is not a map of this schema.
    """
    if crc32c is not None:
        require_checksum(path, crc32c)
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        meta = map_meta(reader.schema, str(path))
        validate_map_schema(reader.schema, str(path))
        table = reader.read_all()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(path, f"not a readable Arrow file ({error})", advice=ADVICE) from error
    validate_map(table, meta, str(path))
    return Map(path, meta, table)


def _batch(rows: list[Row], schema: pa.Schema, where: str) -> pa.RecordBatch:
    if unknown := {name for row in rows for name in row} - set(schema.names):
        raise SchemaError(f"{where}: columns {sorted(unknown)} are not in the schema of maps")
    return build_batch(rows, schema, where=where)
