"""The writer refuses what does not fit and leaves a whole file or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lead_xb.schemas.errors import SchemaError
from lead_xb.store.codec import same_bits
from lead_xb.store.frame import Frame
from lead_xb.store.lossless import restore
from lead_xb.store.scene import open_scene
from lead_xb.store.writer import write_rows

from . import tiny


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ego.pose": np.zeros(6)}, r"column 'ego.pose' does not take its values: cell has shape \(6,\)"),
        ({"ego.pose": None, "frame.timestamp_us": None}, "column 'frame.timestamp_us' has nulls but must not"),
        ({"ego.sped": 1.0}, r"columns \['ego.sped'\] are not in its schema"),
        ({"frame.token": "tiny0"}, "token 'tiny0' occurs more than once"),
        ({"ego.speed": "fast"}, "column 'ego.speed' does not take its values"),
        ({"boxes": {"category": [2], "yaw": [0.0, 1.0]}}, "fields of one list cell differ in length"),
        ({"boxes": {"category": [2], "yaw": [0.0]}}, "an element of 'boxes' has no 'center'"),
        ({"image.strip": {"byte": b""}}, r"fields \['byte'\] are not in the struct"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    rows = iter([(tiny.row(0), None), ({**tiny.row(1), **change}, None)])
    with pytest.raises(SchemaError, match=message):
        write_rows(tmp_path / "tiny.arrow", tiny.meta(), rows)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_scene_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="has no rows"):
        write_rows(tmp_path / "tiny.arrow", tiny.meta(), iter([]))
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_adapter_leaves_no_file(tmp_path: Path) -> None:
    def rows() -> Any:
        yield tiny.row(0), None
        raise RuntimeError("damaged")

    with pytest.raises(RuntimeError, match="damaged"):
        write_rows(tmp_path / "tiny.arrow", tiny.meta(), rows())
    assert list(tmp_path.iterdir()) == []


NATIVES: list[dict[str, Any]] = [
    {"speed": 4.0, "town": "A", "odd": float("inf"), "list": [1, 2], "pair": (1, [2])},
    {"speed": np.float32(4.0), "town": "A", "odd": float("nan"), "list": (1, 2), "array": np.arange(3, dtype=np.int16)},
    {"town": "A", "speed": 4.0, "odd": -0.0, "big": 2**70, "boxes": [{"id": 1, "x": None}, {"id": 2, "x": True}]},
]


def rebuild(frame: Frame) -> dict[str, Any]:
    return {"speed": frame["ego.speed"], "boxes": [{"id": 1}, {"id": 9, "x": True}], "list": [1, 2]}


def test_native_objects_come_back_with_type_bits_and_order(tmp_path: Path) -> None:
    rows = ((tiny.row(n), native) for n, native in enumerate(NATIVES))
    write_rows(tmp_path / "tiny.arrow", tiny.meta(), rows, rebuild)
    for frame, native in zip(open_scene(tmp_path / "tiny.arrow"), NATIVES, strict=True):
        assert same_bits(restore(rebuild(frame), frame.extra()), native)


def test_what_the_columns_give_back_is_not_kept_twice(tmp_path: Path) -> None:
    rows = ((tiny.row(n), NATIVES[0]) for n in range(3))
    write_rows(tmp_path / "tiny.arrow", tiny.meta(), rows, rebuild)
    scene = open_scene(tmp_path / "tiny.arrow")
    assert "speed" not in scene.frame(0).extra()
    assert [frame["extra"] for frame in scene] == [None, None, None]


def test_native_objects_without_a_rebuild_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="belong together"):
        write_rows(tmp_path / "tiny.arrow", tiny.meta(), iter([(tiny.row(0), {"a": 1})]))
