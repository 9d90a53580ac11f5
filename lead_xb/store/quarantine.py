"""quarantine.jsonl: what could not be converted, why, and what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lead_xb.store.atomic import atomic_write
from lead_xb.store.pool import Failure

NAME = "quarantine.jsonl"


def write_quarantine(root: Path, failures: Sequence[Failure]) -> None:
    """One line a failure; no file where nothing failed."""
    path = root / NAME
    if not failures:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as file:
        for failure in failures:
            file.write(json.dumps(asdict(failure), sort_keys=True).encode() + b"\n")
