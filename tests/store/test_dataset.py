"""dataset.json: what it holds comes back, and what was changed is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lead_xb.schemas.errors import DataError, LeadXbError, SchemaError
from lead_xb.store.atomic import seal_of
from lead_xb.store.dataset import NAME, Dataset, read_dataset

DATASET = Dataset(
    source="carla",
    options={"images": "reference", "reach_m": 3.25},
    roots={"source": "/data/lead"},
    splits={"test": 3},
    counts={"scenes": 1, "rows": 3, "maps": 0, "quarantined": 0},
    checksums={"index.parquet": "00c0ffee"},
    lacks={"radar/ was not recorded": 1},
    complete=True,
)


def test_a_description_comes_back(tmp_path: Path) -> None:
    DATASET.write(tmp_path)
    assert read_dataset(tmp_path) == DATASET


def test_equal_descriptions_are_equal_bytes(tmp_path: Path) -> None:
    DATASET.write(tmp_path)
    first = (tmp_path / NAME).read_bytes()
    Dataset(**{**vars(DATASET), "options": dict(reversed(list(DATASET.options.items())))}).write(tmp_path)
    assert (tmp_path / NAME).read_bytes() == first


def test_a_folder_without_description_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match=f"{tmp_path} is not a store .* make one with `lead-xb convert"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("source", "navsim"), ("complete", False), ("counts", {}), ("roots", {"source": "/data/leap"}), ("new", 1)],
)
def test_a_changed_value_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    DATASET.write(tmp_path)
    data = json.loads((tmp_path / NAME).read_text())
    (tmp_path / NAME).write_text(json.dumps({**data, key: value}))
    with pytest.raises(DataError, match=r"its checksum does not match.*; restore it or convert again"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"null", b"{", b"{}", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_description_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / NAME).write_bytes(text)
    with pytest.raises(DataError, match="damaged"):
        read_dataset(tmp_path)


def _write_sealed(root: Path, values: dict[str, Any]) -> None:
    (root / NAME).write_text(json.dumps({**values, "crc32c": seal_of(values)}))


def test_another_major_version_is_refused_and_a_later_minor_read(tmp_path: Path) -> None:
    _write_sealed(tmp_path, {**vars(DATASET), "schema_version": "2.0"})
    with pytest.raises(SchemaError, match=r"schema version 2\.0 cannot be read"):
        read_dataset(tmp_path)
    _write_sealed(tmp_path, {**vars(DATASET), "schema_version": "1.7", "colour": "blue"})
    assert read_dataset(tmp_path).schema_version == "1.7"
