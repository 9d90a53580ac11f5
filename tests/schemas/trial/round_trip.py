"""What the trials share: where the recordings lie, and how a hand-written scene goes to disk and comes back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lead_xb.schemas.rig import Matrix
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.codec import same_bits
from lead_xb.store.lossless import restore
from lead_xb.store.payload import Roots
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.writer import Rebuild, Row, write_rows

GOLDEN = Path(__file__).parents[2] / "golden"

Native = dict[str, Any]
"""The recorded quantities of one row, with the recording's own types."""


def written(
    path: Path,
    meta: SceneMeta,
    rows: Iterable[tuple[Row, Native]],
    rebuild: Rebuild,
    *,
    roots: Roots | None = None,
) -> Scene:
    """Write a scene and open it again in strict mode."""
    done = write_rows(path, meta, rows, rebuild)
    return open_scene(path, roots=roots, crc32c=done.crc32c)


def assert_lossless(scene: Scene, natives: Iterable[Native], rebuild: Rebuild) -> None:
    """Every recorded value comes back in type and bits."""
    for frame, native in zip(scene, natives, strict=True):
        restored = restore(rebuild(frame), frame.extra())
        wrong = [key for key in native if not same_bits(native[key], restored.get(key))]
        assert not wrong and list(restored) == list(native), f"row {frame.scene_row}: {wrong or list(restored)}"


def leftovers(scene: Scene) -> set[str]:
    """Names of the recorded values that no column reproduces in some row of the scene."""
    return {name for frame in scene for name in frame.extra()}


def rows_of(matrix: np.ndarray) -> Matrix:
    """A matrix as a rig holds it."""
    return tuple(tuple(float(value) for value in row) for row in matrix)
