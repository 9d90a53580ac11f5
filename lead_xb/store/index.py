"""The index of a store: built from the scenes' own columns, read as a polars LazyFrame."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.index import INDEX_SCHEMA, MODALITIES
from lead_xb.schemas.sensors import group_of
from lead_xb.store.atomic import atomic_write
from lead_xb.store.scene import Scene, require_checksum

NAME = "index.parquet"
ADVICE = "restore it, or delete it and convert again to rebuild it"
_COPIED = [
    *("frame.token", "frame.timestamp_us", "frame.is_key", "frame.kind", "frame.weather"),
    *("navigation.command", "ego.speed"),
]


_OWN_COLUMNS = {"boxes": "boxes", "traffic_lights": "traffic_lights", "preferences": "preferences.rated"}
"""Modalities that are one fixed column; the others are the columns that the rig names."""


def index_rows(scene: Scene, splits: list[list[str]]) -> pa.Table:
    """The index rows of one scene; `splits` holds the splits of each row."""
    rows, meta = len(scene), scene.meta
    if len(splits) != rows:
        raise LeadXbError(f"scene {meta.scene_id}: {len(splits)} split lists for {rows} rows")
    table = scene.table(_COPIED)
    times = table["frame.timestamp_us"].to_numpy()
    past, future = _known_seconds(scene, times)
    columns = {
        "scene": pa.array([meta.scene_id] * rows),
        "row": pa.array(np.arange(rows, dtype=np.int32)),
        "token": table["frame.token"],
        "timestamp_us": table["frame.timestamp_us"],
        "is_key": table["frame.is_key"],
        "split": pa.array([sorted(set(names)) for names in splits], pa.list_(pa.string())),
        "map": pa.array([meta.map_id] * rows, pa.string()),
        "location": pa.array([meta.location] * rows, pa.string()),
        "source": pa.array([meta.source] * rows),
        "command": table["navigation.command"],
        "speed_mps": table["ego.speed"],
        "acceleration_mps2": _norm(scene, "ego.acceleration"),
        "kind": table["frame.kind"],
        "log": pa.array([meta.log] * rows, pa.string()),
        "original_token": pa.array([meta.original_token] * rows, pa.string()),
        "cameras": _cameras(scene),
        "scenario": pa.array([meta.scenario] * rows, pa.string()),
        "route_status": pa.array([meta.route_status] * rows, pa.string()),
        "route_score": pa.array([meta.route_score] * rows, pa.float64()),
        "weather": table["frame.weather"],
        **{f"has_{modality}": _has(scene, modality) for modality in MODALITIES},
        "future_s": future,
        "past_s": past,
    }
    return pa.table(columns).select(INDEX_SCHEMA.names).cast(INDEX_SCHEMA).combine_chunks()


def with_earlier_splits(index: pa.Table, earlier: pa.Table, redefined: Collection[str]) -> pa.Table:
    """The same rows, which keep the splits that an earlier run gave them and this run does not define anew."""
    keys = ["scene", "row"]
    now, before = (pl.DataFrame(table.select([*keys, "split"])) for table in (index, earlier))
    kept = before.explode("split").drop_nulls("split").filter(~pl.col("split").is_in(list(redefined)))
    found = kept.group_by(keys).agg(pl.col("split").alias("earlier"))
    joined = now.join(found, on=keys, how="left", maintain_order="left")
    merged = joined.select(pl.concat_list("split", pl.col("earlier").fill_null([])).list.unique().list.sort())
    column = merged.to_series().to_arrow().cast(pa.list_(pa.string()))
    return index.set_column(index.schema.get_field_index("split"), INDEX_SCHEMA.field("split"), column)


def missing_tokens(index: pa.Table, requested: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Split -> tokens that were asked for but are not in the index with that split; splits without any left out."""
    rows = pl.DataFrame(index.select(["token", "split"])).explode("split")
    missing = {}
    for name, tokens in sorted(requested.items()):
        present = set(rows.filter(pl.col("split") == name)["token"])
        if lost := sorted(set(tokens) - present):
            missing[name] = lost
    return missing


def write_index(root: Path, index: pa.Table) -> str:
    """Write all index rows sorted by (scene, row), with page checksums; returns the file's CRC32C."""
    index = index.sort_by([("scene", "ascending"), ("row", "ascending")])
    _require_unique_tokens(index)
    with atomic_write(root / NAME) as file:
        pq.write_table(index, pa.PythonFile(file, mode="w"), compression="zstd", write_page_checksum=True)
    return file.crc32c


def read_index(root: Path, *, crc32c: str) -> pl.LazyFrame:
    """The index as a LazyFrame, scanned lazily; filters read only the columns they name.

    Polars neither checks page checksums nor survives every damaged file, so the whole file is checked first
    (7 GB/s; 1,000,000 rows are some 20 MB).

    Raises:
        DataError: unreadable, damaged, or another checksum.
    """
    path = root / NAME
    require_checksum(path, crc32c)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(path, f"not a readable index ({error})", advice=ADVICE) from error
    if schema.names != INDEX_SCHEMA.names:
        raise DataError(path, f"has the columns {schema.names}", advice=ADVICE)
    return pl.scan_parquet(path)


def read_index_strictly(root: Path) -> pa.Table:
    """The whole index with every page checksum verified; DataError if it is damaged."""
    path = root / NAME
    try:
        index = pq.read_table(path, page_checksum_verification=True)
        index.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(path, f"damaged ({error})", advice=ADVICE) from error
    if not index.schema.equals(INDEX_SCHEMA):
        raise DataError(path, f"has the columns {index.schema.names}", advice=ADVICE)
    return index


def _known_seconds(scene: Scene, times: np.ndarray) -> tuple[pa.Array, pa.Array]:
    """Seconds of ego past and future known from each row: by other rows, or by the row's own tracks."""
    table = scene.table(["ego.pose", *(f"ego_{side}.{name}" for side in ("past", "future") for name in _TRACK)])
    has_ego = table["ego.pose"].is_valid().to_numpy()
    posed = times[has_ego] if has_ego.any() else times
    past = _longer((times - posed.min()) / 1e6, has_ego, _track_seconds(table, "ego_past"))
    future = _longer((posed.max() - times) / 1e6, has_ego, _track_seconds(table, "ego_future"))
    return past, future


_TRACK = ("first_us", "step_us", "position")


def _track_seconds(table: pa.Table, group: str) -> np.ndarray:
    """Reach of each row's track in s, whichever end lies farther from the row; negative without a track."""
    length = pc.fill_null(pc.list_value_length(table[f"{group}.position"]), 0).to_numpy()
    first, step = (pc.fill_null(table[f"{group}.{name}"], 0).to_numpy() for name in ("first_us", "step_us"))
    return np.where(length > 0, np.maximum(np.abs(first), np.abs(first + step * (length - 1))) / 1e6, -1.0)


def _longer(by_rows: np.ndarray, has_ego: np.ndarray, by_track: np.ndarray) -> pa.Array:
    seconds = np.maximum(np.where(has_ego, by_rows, -1.0), by_track)
    return pa.array(seconds, mask=seconds < 0.0)


def _norm(scene: Scene, column: str) -> pa.Array:
    chunks = scene.table([column])[column].combine_chunks()
    array = chunks.combine_chunks() if isinstance(chunks, pa.ChunkedArray) else chunks
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    norms = np.zeros(len(array))
    norms[valid] = np.linalg.norm(array.flatten().to_numpy(zero_copy_only=False).reshape(-1, 2), axis=1)
    return pa.array(norms, mask=~valid)


def _has(scene: Scene, modality: str) -> pa.Array:
    names = scene.batches[0].schema.names
    own = _OWN_COLUMNS.get(modality)
    columns = [own] if own else [name for name in names if group_of(name) == modality]
    has = np.zeros(len(scene), bool)
    for name in columns:
        has |= scene.table([name])[name].is_valid().to_numpy()
    return pa.array(has)


def _cameras(scene: Scene) -> pa.Array:
    """Cameras of the scene's rig whose image is there, row by row."""
    fired: list[list[str]] = [[] for _ in range(len(scene))]
    for camera in scene.meta.rig.cameras:
        for column in (name for name in camera.crops if group_of(name) == "image"):
            for row in np.flatnonzero(scene.table([column])[column].is_valid().to_numpy()):
                fired[row].append(camera.name)
    return pa.array(fired, pa.list_(pa.string()))


def _require_unique_tokens(index: pa.Table) -> None:
    if len(pc.unique(index["token"])) == len(index):
        return
    counts = pc.value_counts(index["token"])
    token = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")[0].as_py()
    scenes = index.filter(pc.equal(index["token"], token))["scene"].to_pylist()
    raise LeadXbError(f"token {token!r} occurs in {scenes}; tokens must be unique within a store: use two stores")
