"""Does a Waymo E2E segment fit the canonical scene? Written by hand from the recording, read back, compared."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.navigation import Command
from lead_xb.schemas.rig import Rig
from lead_xb.store.codec import same_bits
from lead_xb.store.frame import Frame
from lead_xb.store.frames import invert, transform_points
from lead_xb.store.index import index_rows
from lead_xb.store.payload import reference_to
from lead_xb.store.scene import Scene

from . import waymo
from .round_trip import Native, assert_lossless, leftovers, written

CLUSTER = "Interections"
"""As the side file of the data set spells it."""
ROOTS = {"waymo": waymo.FOLDER}

Segment = tuple[Scene, list[dict[str, Any]], list[Native]]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(waymo.FOLDER / "expected_frames.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def segments(arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> list[Segment]:
    """Every recorded sequence as (scene, records, native frames)."""
    found = []
    for sequence, records in waymo.sequences().items():
        natives = [waymo.native_of(record, arrays) for record in records]
        meta = waymo.meta_of(sequence, records, natives[0], cluster=CLUSTER)
        rows = [(waymo.cells_of(record, native), native) for record, native in zip(records, natives, strict=True)]
        path = tmp_path_factory.mktemp("waymo") / f"{sequence}.arrow"
        found.append((written(path, meta, rows, waymo.rebuild, roots=ROOTS), records, natives))
    return found


def frames_of(segments: list[Segment]) -> list[tuple[Frame, dict[str, Any]]]:
    return [pair for scene, records, _ in segments for pair in zip(scene, records, strict=True)]


def record_of(segments: list[Segment], row: int) -> dict[str, Any]:
    return next(record for _, records, _ in segments for record in records if record["row"] == row)


def test_every_recorded_value_comes_back_bit_for_bit(segments: list[Segment]) -> None:
    for scene, _, natives in segments:
        assert_lossless(scene, natives, waymo.rebuild)
        # Only placeholders, the order of images and calibrations that a frame lacks have no column.
        assert leftovers(scene) <= {"preference_trajectories", "image_order", "calibrations"}


def test_rows_are_frames_in_time_order_and_gaps_stay_gaps(segments: list[Segment]) -> None:
    for frame, record in frames_of(segments):
        assert (frame.token, frame["frame.source_index"]) == (record["name"], record["frame_index"])
        assert frame.timestamp_us == record["frame_index"] * 100_000
        assert frame["ego.pose"] is None and frame.world_from_ego is None


def test_columns_hold_the_recorded_tracks(segments: list[Segment], arrays: dict[str, np.ndarray]) -> None:
    for frame, record in frames_of(segments):
        past, future = (arrays[side][record["row"]].astype(np.float64) for side in ("past", "future"))
        assert (frame["ego_past.first_us"], frame["ego_past.step_us"]) == (-3_750_000, 250_000)
        assert same_bits(frame["ego_past.position"], past[:, 0:2].copy())
        assert same_bits(frame["ego_past.velocity"], past[:, 2:4].copy())
        if record["n_accel"]:
            assert same_bits(frame["ego_past.acceleration"], past[:, 4:6].copy())
        else:
            assert frame["ego_past.acceleration"] is None and frame["ego.acceleration"] is None
        if record["n_future"]:
            assert (frame["ego_future.first_us"], frame["ego_future.step_us"]) == (250_000, 250_000)
            assert same_bits(frame["ego_future.position"], future[:, :2].copy())
            assert same_bits(frame["ego_future.height"], future[:, 2].copy())
        else:
            assert frame["ego_future.position"] is None and frame["ego_future.first_us"] is None


def test_intents_are_named_and_keep_their_number(segments: list[Segment]) -> None:
    names = {0: Command.UNKNOWN, 1: Command.STRAIGHT, 2: Command.LEFT, 3: Command.RIGHT}
    for frame, record in frames_of(segments):
        expected = (record["intent"], names[record["intent"]]) if record["has_intent"] else (None, None)
        assert (frame["navigation.command_raw"], frame["navigation.command"]) == expected


def test_rated_trajectories_are_ragged_and_placeholders_are_null(
    segments: list[Segment], arrays: dict[str, np.ndarray]
) -> None:
    rated = placeholders = 0
    for frame, record in frames_of(segments):
        if not record["n_rated"]:
            assert frame["preferences.rated"] is None
            placeholders += record["n_preference"] > 0
            continue
        rated += 1
        row, count = record["row"], record["n_preference"]
        elements = frame["preferences.rated"].to_pylist()
        lengths = arrays["preference_len"][row, :count].tolist()
        assert [len(element["trajectory"]) for element in elements] == lengths
        assert [element["score"] for element in elements] == arrays["preference_score"][row, :count].tolist()
        assert elements[0]["trajectory"] == arrays["preference"][row, 0, : lengths[0]].tolist()
    assert rated == 6 and placeholders > 0


def test_a_gap_among_rated_trajectories_keeps_its_place(
    segments: list[Segment], arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    record = record_of(segments, 14)
    native = waymo.native_of(record, arrays)
    native["preference_trajectories"][1] = {"xy": np.zeros((0, 2), np.float32), "score": np.float32(-1.0)}
    meta = waymo.meta_of("gap", [record], native, cluster=None)
    scene = written(tmp_path / "gap.arrow", meta, [(waymo.cells_of(record, native), native)], waymo.rebuild)
    elements = scene.frame(0)["preferences.rated"].to_pylist()
    assert [element["score"] for element in elements] == [9.0, None, 0.0]  # 0 is a rating, -1 is none
    assert_lossless(scene, [native], waymo.rebuild)


def test_images_are_found_by_camera_whatever_their_order(segments: list[Segment]) -> None:
    for frame, record in frames_of(segments):
        digests = {waymo.CAMERAS[image["camera"] - 1]: image["sha256"] for image in record["images"]}
        for name in waymo.CAMERAS:
            cell = frame[f"image.{name}"]
            if name not in digests:
                assert cell is None
            elif cell["bytes"] is None:
                assert cell["reference"]["sha256"].hex() == digests[name]
            else:
                assert hashlib.sha256(cell["bytes"]).hexdigest() == digests[name]


def test_a_reference_into_a_shard_reads_the_same_image(
    segments: list[Segment], arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    record = record_of(segments, 12)
    native = waymo.native_of(record, arrays)
    row, image = dict(waymo.cells_of(record, native)), record["images"][0]
    data = row["image.front"]["bytes"]
    offset = record["payload_offset"] + image["jpeg_offset_in_payload"]
    row["image.front"] = {
        "reference": reference_to("waymo", record["shard"], data=data, length=len(data), offset=offset)
    }
    meta = waymo.meta_of("reference", [record], native, cluster=None)
    scene = written(tmp_path / "reference.arrow", meta, [(row, native)], waymo.rebuild, roots=ROOTS)
    assert scene.frame(0).payload("image.front", verify=True) == data
    np.testing.assert_array_equal(scene.frame(0).image("front"), arrays["rgb_val0_cam1"])


def test_a_calibration_that_changes_becomes_the_rig_of_its_row(
    segments: list[Segment], arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    records = segments[0][1][:2]
    natives = [waymo.native_of(record, arrays) for record in records]
    natives[1]["calibrations"] = {
        id: {**calibration, "extrinsic": calibration["extrinsic"] + 1e-3}
        for id, calibration in natives[1]["calibrations"].items()
    }
    rows = [dict(waymo.cells_of(record, native)) for record, native in zip(records, natives, strict=True)]
    rows[1]["frame.rig"] = waymo.meta_of("rig", records[1:], natives[1], cluster=None).rig.to_json()
    meta = waymo.meta_of("rig", records, natives[0], cluster=None)
    scene = written(tmp_path / "rig.arrow", meta, zip(rows, natives, strict=True), waymo.rebuild)
    assert scene.frame(0).rig == meta.rig != scene.frame(1).rig
    assert_lossless(scene, natives, waymo.rebuild)
    assert "calibrations" not in leftovers(scene)


@pytest.mark.parametrize("id", range(1, 9))
def test_cameras_project_as_the_official_operator(id: int) -> None:
    with np.load(waymo.FOLDER / "camera_projection.npz") as file:
        official = {name.removeprefix(f"cam{id}_"): file[name] for name in file if name.startswith(f"cam{id}_")}
    width, height = official["width_height"].tolist()
    calibration = {"width": width, "height": height, "rolling_shutter_direction": 5, **official}
    camera = waymo.camera_of(id, calibration, (width, height))
    assert camera.rolling_shutter == "global"
    points = transform_points(invert(np.array(camera.ego_from_camera)), official["points_vehicle"])
    (fx, fy), (cx, cy) = camera.parameters["focal"], camera.parameters["center"]
    matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    distortion = np.array(camera.parameters["distortion"])
    ok = official["uv_ok"][:, 2] > 0
    pixels, _ = cv2.projectPoints(points[ok], np.zeros(3), np.zeros(3), matrix, distortion)
    np.testing.assert_allclose(pixels.reshape(-1, 2), official["uv_ok"][ok, :2], atol=1e-3)


def test_a_rig_with_an_unknown_shutter_is_refused(segments: list[Segment]) -> None:
    rig = segments[0][0].meta.rig
    assert {camera.rolling_shutter for camera in rig.cameras} == {"top_to_bottom", "left_to_right"}
    camera = dataclasses.replace(rig.cameras[0], rolling_shutter="sideways")
    with pytest.raises(SchemaError, match="rolling shutter 'sideways'; known are"):
        Rig.from_json(dataclasses.replace(rig, cameras=(camera,)).to_json())


def test_the_index_finds_rated_frames_horizons_and_clusters(segments: list[Segment]) -> None:
    tables = [index_rows(scene, [[scene.meta.folder]] * len(scene)) for scene, _, _ in segments]
    index = pl.concat(pl.DataFrame(table) for table in tables)
    assert index.filter("has_preferences").height == 6
    assert set(index["past_s"]) == {3.75} and set(index["scenario"]) == {CLUSTER}
    in_test = pl.col("split").list.contains("test")
    assert set(index.filter(in_test)["future_s"]) == {None} and set(index.filter(~in_test)["future_s"]) == {5.0}
    assert index["speed_mps"].null_count() == 0 and index["timestamp_us"].n_unique() > 20
