"""quarantine.jsonl: what could not be converted, why, and what to do."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from lead_xb.schemas.errors import DataError
from lead_xb.store.atomic import atomic_write
from lead_xb.store.pool import Failure

NAME = "quarantine.jsonl"


def failures_of_other_runs(root: Path, ids: Collection[str]) -> list[Failure]:
    """What an earlier run with another source could not convert, which this run does not try again."""
    path = root / NAME
    if not path.is_file():
        return []
    try:
        failures = [Failure(**json.loads(line)) for line in path.read_bytes().splitlines()]
    except (ValueError, TypeError, OSError) as error:
        raise DataError(path, f"not a quarantine report ({error!r})", advice="delete it and convert again") from error
    return [failure for failure in failures if failure.id not in ids]


def write_quarantine(root: Path, failures: Sequence[Failure]) -> None:
    """One line a failure; no file where nothing failed."""
    path = root / NAME
    if not failures:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as file:
        for failure in failures:
            file.write(json.dumps(asdict(failure), sort_keys=True).encode() + b"\n")
