"""A scene of an older minor opens without the columns that came later, and boxes hold what their source can fill."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lead_xb.schemas import versions
from lead_xb.schemas.boxes import ALL_BOX_FIELDS, box_fields_of, box_type
from lead_xb.schemas.errors import SchemaError
from lead_xb.store.scene import open_scene
from lead_xb.store.writer import write_rows

from ..store import tiny


def without_column(source: Path, target: Path, name: str) -> None:
    """The same scene as an older lead_xb would have written it: one nullable column less."""
    with pa.memory_map(str(source)) as file:
        table = pa.ipc.open_file(file).read_all().drop_columns([name])
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def test_an_older_minor_reads_as_null_where_a_column_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write(tmp_path / "new.arrow")
    without_column(tmp_path / "new.arrow", tmp_path / "old.arrow", "frame.weather")
    with pytest.raises(SchemaError, match=r"column 'frame.weather' is missing"):
        open_scene(tmp_path / "old.arrow")
    monkeypatch.setattr(versions, "MINOR", versions.MINOR + 1)
    scene = open_scene(tmp_path / "old.arrow")
    assert scene.frame(0)["frame.weather"] is None
    assert scene.table(["frame.weather", "frame.token"])["frame.weather"].null_count == len(scene)


def test_a_required_column_is_never_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write(tmp_path / "new.arrow")
    without_column(tmp_path / "new.arrow", tmp_path / "old.arrow", "frame.token")
    monkeypatch.setattr(versions, "MINOR", versions.MINOR + 1)
    with pytest.raises(SchemaError, match=r"column 'frame.token' is missing"):
        open_scene(tmp_path / "old.arrow")


@pytest.mark.parametrize(("version", "message"), [("2.0", "reads 1.x"), ("one", "is not major.minor")])
def test_another_major_is_refused(version: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        versions.require_readable(version, "a.arrow")


def test_boxes_hold_the_fields_of_their_source_and_answer_for_the_others(tmp_path: Path) -> None:
    fields = box_fields_of("navsim")
    assert "brake" not in fields and set(fields) < set(ALL_BOX_FIELDS)
    row = tiny.row(0)
    row["boxes"] = {name: cell for name, cell in row["boxes"].items() if name in fields}
    write_rows(tmp_path / "a.arrow", tiny.meta(box_fields=fields), iter([(row, None)]))
    boxes = open_scene(tmp_path / "a.arrow").frame(0).boxes
    assert boxes is not None and boxes.fields == list(fields)
    np.testing.assert_array_equal(boxes.column("brake").valid, [False, False])
    assert boxes.strings("mesh_path") == [None, None] and boxes.track("future_yaw", 0) is None
    with pytest.raises(SchemaError, match=r"\['brakes'\] are not fields of a box"):
        boxes.column("brakes")


def test_a_box_field_that_the_scene_leaves_out_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"fields \['brake'\] are not in the struct"):
        write_rows(tmp_path / "a.arrow", tiny.meta(box_fields=box_fields_of("navsim")), iter([(tiny.row(0), None)]))


def test_required_box_fields_cannot_be_left_out() -> None:
    with pytest.raises(SchemaError, match=r"boxes need the fields \['center'"):
        box_type(("category",))
