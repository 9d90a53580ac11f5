"""What is written is what is read: cells, images, points, boxes, batches, and clear errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.errors import DataError, LeadXbError, SchemaError
from lead_xb.store.scene import Scene, open_scene
from lead_xb.store.writer import write_rows

from . import tiny


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    tiny.write(tmp_path / "tiny.arrow")
    return open_scene(tmp_path / "tiny.arrow")


def test_cells_come_back_as_they_were(scene: Scene) -> None:
    frame = scene.frame(2)
    assert (frame.token, frame.timestamp_us, frame["navigation.command"]) == ("tiny2", 500_000, 4)
    np.testing.assert_array_equal(frame["ego.pose"], [2.0, 0, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(frame["navigation.route"], [[1.0, 2.0], [3.0, 4.0]])
    assert frame["ego.velocity"] is None and frame["ego_future.position"] is None


def test_a_column_that_does_not_exist_is_refused_with_those_that_do(scene: Scene) -> None:
    with pytest.raises(SchemaError, match=r"no column 'ego.speeed'; it has \['frame.token'"):
        scene.frame(0)["ego.speeed"]


def test_rows_outside_the_scene_are_refused(scene: Scene) -> None:
    with pytest.raises(IndexError, match="rows 0 to 2, not 3"):
        scene.frame(3)


def test_a_camera_is_cropped_from_its_strip(scene: Scene) -> None:
    np.testing.assert_array_equal(scene.frame(0).image("right"), tiny.RGB[:, 4:])


def test_an_image_that_its_crop_leaves_is_refused(tmp_path: Path) -> None:
    row = {**tiny.row(0), "image.strip": {"bytes": tiny.png(tiny.RGB[:, :5])}}
    write_rows(tmp_path / "small.arrow", tiny.meta(), iter([(row, None)]))
    with pytest.raises(SchemaError, match="is 5x6 px, camera 'right' needs 8x6"):
        open_scene(tmp_path / "small.arrow").frame(0).image("right")


def test_depth_codes_become_metres(scene: Scene) -> None:
    depth = scene.frame(1).depth("depth.strip")
    assert depth is not None
    np.testing.assert_allclose(depth, tiny.DEPTH_CODES * 0.2, rtol=1e-6)
    assert scene.frame(0).depth("depth.strip") is None


def test_points_keep_their_integers_and_reach_the_ego_frame_through_the_rig(scene: Scene) -> None:
    native = scene.frame(2).native_points("lidar.top")
    assert native is not None and native.coordinates.dtype == np.int32
    np.testing.assert_array_equal(native.coordinates, tiny.cloud(2).coordinates)
    cloud = scene.frame(2).points("lidar.top")
    assert cloud is not None
    np.testing.assert_allclose(cloud.xyz, [[2.5, -2.0, 5.0], [1.7, 0.5, 2.0]])
    np.testing.assert_array_equal(cloud.attributes["time"], [0, 3])


def test_boxes_carry_their_validity(scene: Scene) -> None:
    boxes = scene.frame(0).boxes
    assert boxes is not None and len(boxes) == 2
    np.testing.assert_array_equal(boxes.where(Category.PEDESTRIAN), [1])
    velocity, brake = boxes.column("velocity"), boxes.column("brake")
    np.testing.assert_array_equal(velocity.valid, [False, True])
    np.testing.assert_array_equal(velocity.value[1], [1.0, 0.0])
    np.testing.assert_array_equal(brake.valid, [True, False])
    assert boxes.strings("track_token") == ["7", "8"]
    assert boxes.track("future_position", 0) is None


def test_long_scenes_are_cut_into_batches_and_read_as_one(tmp_path: Path) -> None:
    rows = ((tiny.row(n), None) for n in range(150))
    write_rows(tmp_path / "long.arrow", tiny.meta(), rows)
    scene = open_scene(tmp_path / "long.arrow")
    assert [batch.num_rows for batch in scene.batches] == [64, 64, 22]
    assert [frame.token for frame in scene] == [f"tiny{n}" for n in range(150)]
    assert scene.frame(64).scene_row == 64


def test_any_arrow_program_reads_a_scene(tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny.arrow")
    with pa.memory_map(str(tmp_path / "tiny.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    assert table["boxes"].to_pylist()[0][1]["velocity"] == [1.0, 0.0]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (tiny.write(tmp_path / name) for name in ("a.arrow", "b.arrow"))
    assert first.crc32c == second.crc32c
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.arrow").write_text("no arrow")
    with pytest.raises(DataError, match=r"text.arrow: not a readable Arrow file"):
        open_scene(tmp_path / "text.arrow")
    with pa.OSFile(str(tmp_path / "foreign.arrow"), "wb") as sink:
        table = pa.table({"a": [1]})
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    with pytest.raises(SchemaError, match="not a lead_xb scene"):
        open_scene(tmp_path / "foreign.arrow")
    with pytest.raises(DataError, match="No such file"):
        open_scene(tmp_path / "absent.arrow")


def test_a_strict_open_compares_the_checksum(tmp_path: Path) -> None:
    written = tiny.write(tmp_path / "tiny.arrow")
    assert len(open_scene(tmp_path / "tiny.arrow", crc32c=written.crc32c)) == 3
    data = bytearray((tmp_path / "tiny.arrow").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "tiny.arrow").write_bytes(data)
    with pytest.raises(DataError, match=r"CRC32C is .* the manifest says"):
        open_scene(tmp_path / "tiny.arrow", crc32c=written.crc32c)


def test_a_scene_with_a_map_needs_its_store(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.arrow", tiny.meta(map_id="navsim-x-1"), iter([(tiny.row(0), None)]))
    with pytest.raises(LeadXbError, match="opened without its store"):
        _ = open_scene(tmp_path / "a.arrow").map
