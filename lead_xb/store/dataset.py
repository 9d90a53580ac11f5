"""dataset.json: what a store is. Written first as incomplete, rewritten last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.versions import CURRENT, known_fields, require_readable
from lead_xb.store.atomic import atomic_write, seal_of

NAME = "dataset.json"
_SEAL = "crc32c"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The description of a store.

    Attributes:
        source: adapter.
        options: options that changed stored bytes.
        roots: root_id -> folder of referenced payloads.
        splits: split -> number of rows.
        counts: scenes, rows, maps, quarantined.
        checksums: CRC32C of the files beside the scenes.
        lacks: what scenes of this store do not hold -> number of scenes.
        missing: split -> number of tokens that it asks for and the store does not hold.
        complete: False while a conversion runs or after it was stopped.
        schema_version: schema of the scenes.
    """

    source: str
    options: Mapping[str, Any] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    schema_version: str = CURRENT

    def write(self, root: Path) -> None:
        """Write `dataset.json`, whole or not at all."""
        values = asdict(self)
        text = json.dumps({**values, _SEAL: seal_of(values)}, indent=2, sort_keys=True) + "\n"
        with atomic_write(root / NAME) as file:
            file.write(text.encode())


def read_dataset(root: Path) -> Dataset:
    """Read `dataset.json`; its values must have the checksum that it holds of them.

    Raises:
        LeadXbError: the folder is no store.
        DataError: the file is damaged.
        SchemaError: written by another major version.
    """
    path = root / NAME
    if not path.is_file():
        raise LeadXbError(f"{root} is not a store (it has no {NAME}); make one with `lead-xb convert ... out={root}`")
    try:
        data = json.loads(path.read_bytes())
        if data.pop(_SEAL) != seal_of(data):
            raise ValueError("its checksum does not match")
        require_readable(data["schema_version"], str(path))
        return Dataset(**known_fields(Dataset, data))
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", advice="check the disk") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(path, f"damaged ({error!r})", advice="restore it or convert again") from error
