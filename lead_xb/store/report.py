"""result.json of a conversion: what it made, with versions, options and checksums, and nothing that time changes."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from lead_xb.store.atomic import atomic_write
from lead_xb.store.engine import ConvertReport

NAME = "result.json"
PACKAGES = ("lead-xb", "pyarrow", "polars", "numpy", "shapely", "laspy", "lazrs")


def write_result(out: Path, report: ConvertReport) -> None:
    """Write `result.json` beside the store's other files."""
    result = {
        "command": "convert",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "dataset": asdict(report.dataset),
        "missing": dict(report.missing),
        "failures": [asdict(failure) for failure in sorted(report.failures, key=lambda failure: failure.id)],
    }
    with atomic_write(out / NAME) as file:
        file.write((json.dumps(result, indent=2, sort_keys=True) + "\n").encode())
