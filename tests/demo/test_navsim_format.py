"""The NAVSIM data: deterministic bytes, and the files, keys and types of OpenScene's and nuPlan's own."""

from __future__ import annotations

import hashlib
import json
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shapely

from lead_xb.demo.drive import Drive, make_drive
from lead_xb.demo.gpkg_writer import geometry_blob
from lead_xb.demo.navsim_format import write_navsim
from lead_xb.demo.navsim_log import log_frames

GOLDEN = Path(__file__).parents[1] / "golden" / "navsim" / "native"
SHORT = make_drive(duration_s=0.5)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("navsim")
    assert write_navsim(SHORT, folder) == folder / "openscene"
    return folder


def log_of(root: Path) -> list[dict[str, Any]]:
    path = next((root / "openscene" / "navsim_logs" / "mini").glob("*.pkl"))
    frames: list[dict[str, Any]] = pickle.loads(path.read_bytes())
    return frames


def golden(pattern: str) -> list[Path]:
    found = sorted(GOLDEN.glob(pattern))
    if not found:
        pytest.skip(f"no {pattern} under tests/golden/navsim/native")
    return found


def type_tree(value: object) -> object:
    """Types all the way down; array lengths and text widths do not matter."""
    if isinstance(value, np.ndarray):
        return (value.dtype.kind, value.ndim, value.dtype.itemsize if value.dtype.kind != "U" else None)
    if isinstance(value, dict):
        return {key: type_tree(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *sorted({str(type_tree(entry)) for entry in value})]
    return type(value).__name__


def tables(path: Path) -> dict[str, list[tuple[str, str]]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        names = [row[0] for row in connection.execute("SELECT table_name FROM gpkg_contents ORDER BY table_name")]
        return {n: [r[1:3] for r in connection.execute(f'PRAGMA table_info("{n}")')] for n in names}


def test_two_writes_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    write_navsim(make_drive(duration_s=0.5), tmp_path)
    for path in (path for path in root.rglob("*") if path.is_file()):
        again = tmp_path / path.relative_to(root)
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest(), path


def test_keys_and_types_are_those_of_the_recorded_logs() -> None:
    ours = log_frames(make_drive(duration_s=2.0))
    for path in golden("navsim_logs/*/*.pkl"):
        recorded = pickle.loads(path.read_bytes())
        assert type(recorded) is list
        for mine, theirs in ((ours[0], recorded[0]), (ours[2], recorded[2]), (ours[-1], recorded[-1])):
            assert list(mine) == list(theirs)
            # An empty list says nothing about the type of its entries.
            told = {key: value for key, value in theirs.items() if not (isinstance(value, list) and not value)}
            assert type_tree({key: mine[key] for key in told}) == type_tree(told)


def test_all_sensor_files_of_the_log_exist(root: Path) -> None:
    sensors = root / "openscene" / "sensor_blobs" / "mini"
    frames = log_of(root)
    assert len(frames) == 2
    for frame in frames:
        assert (sensors / frame["lidar_path"]).is_file()
        assert len(frame["cams"]) == 8
        for camera in frame["cams"].values():
            image = cv2.imread(str(sensors / camera["data_path"]))
            assert image is not None and image.shape == (1080, 1920, 3)


def test_tokens_link_the_frames(root: Path) -> None:
    first, second = log_of(root)
    assert (first["sample_prev"], first["sample_next"]) == (None, second["token"])
    assert (second["sample_prev"], second["sample_next"]) == (first["token"], None)
    assert all(len(frame["token"]) == 16 and int(frame["token"], 16) >= 0 for frame in (first, second))
    assert second["timestamp"] - first["timestamp"] == 500_000


def test_the_cloud_has_the_header_of_the_recordings_and_as_many_bytes_as_it_says(root: Path) -> None:
    path = next(root.rglob("*.pcd"))
    head, _, body = path.read_bytes().partition(b"DATA binary\n")
    lines = dict(line.split(" ", 1) for line in head.decode().splitlines() if " " in line)
    assert len(body) == 15 * int(lines["POINTS"]) and int(lines["POINTS"]) > 10_000
    for recorded in golden("sensor_blobs/*/*/MergedPointCloud/*.pcd"):
        reference, _, _ = recorded.read_bytes().partition(b"DATA binary\n")
        same = [line for line in reference.decode().splitlines() if not line.startswith(("WIDTH", "POINTS"))]
        assert same == [line for line in head.decode().splitlines() if not line.startswith(("WIDTH", "POINTS"))]


def test_the_cloud_is_in_the_ego_frame(root: Path) -> None:
    drive = SHORT
    frame = log_of(root)[0]
    path = root / "openscene" / "sensor_blobs" / "mini" / frame["lidar_path"]
    body = path.read_bytes().partition(b"DATA binary\n")[2]
    kinds = [("xyz", "<f4", 3), ("intensity", "u1"), ("ring", "u1"), ("lidar_info", "u1")]
    points = np.frombuffer(body, np.dtype(kinds))["xyz"].astype(np.float64)
    world = drive.ego.position_m[0] + points @ drive.ego.rotation[0].T
    above = world[:, 2] - drive.terrain.height(world[:, :2])
    assert (np.abs(above) < 0.05).mean() > 0.5
    assert above.min() > -0.1


@pytest.mark.parametrize("pattern", ["maps/us-ma-boston/*/map.gpkg", "maps/sg-one-north/*/map.gpkg"])
def test_the_maps_have_the_tables_and_columns_of_the_recordings(root: Path, pattern: str) -> None:
    recorded = golden(pattern)[0]
    ours = next(root.glob(pattern))
    theirs, mine = tables(recorded), tables(ours)
    assert list(mine) == list(theirs)
    for name, columns in theirs.items():
        assert dict(columns) == dict(mine[name]), name


def test_all_four_locations_are_listed_and_present(root: Path) -> None:
    entries = json.loads((root / "maps" / "nuplan-maps-v1.0.json").read_text())
    assert len(entries) == 4
    for location, entry in entries.items():
        assert (root / "maps" / location / entry["version"] / "map.gpkg").is_file()
    for recorded in golden("maps/nuplan-maps-v1.0.json"):
        assert entries == json.loads(recorded.read_text())


def test_the_lane_graph_is_closed(root: Path) -> None:
    path = next(root.glob("maps/us-ma-boston/*/map.gpkg"))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        lanes = {row[0] for row in connection.execute("SELECT fid FROM lanes_polygons")}
        groups = {row[0] for row in connection.execute("SELECT fid FROM lane_groups_polygons")}
        ways = connection.execute("SELECT exit_lane_fid, entry_lane_fid FROM lane_connectors").fetchall()
        blocks = {str(row[0]) for row in connection.execute("SELECT fid FROM lane_group_connectors")}
        paths = connection.execute("SELECT lane_fid, lane_connector_fid FROM baseline_paths").fetchall()
    assert all({a, b} <= lanes for a, b in ways)
    assert all((a is None) != (b is None) for a, b in paths)
    assert len(paths) == len(lanes) + len(ways)
    assert set(log_of(root)[0]["roadblock_ids"]) <= blocks | {str(group) for group in groups}


def test_a_geometry_blob_is_a_header_with_its_envelope_and_wkb() -> None:
    line = shapely.LineString([(1.0, 5.0), (2.0, 3.0)])
    blob = geometry_blob(line)
    assert blob[:4] == b"GP\x00\x03"
    np.testing.assert_array_equal(np.frombuffer(blob[8:40], "<f8"), [1.0, 2.0, 3.0, 5.0])
    assert shapely.from_wkb(blob[40:]) == line


def test_the_command_is_read_off_the_path_twenty_metres_ahead() -> None:
    drive: Drive = make_drive()
    commands = [int(np.argmax(np.asarray(frame["driving_command"]))) for frame in log_frames(drive)]
    assert commands[0] == 0, "the curve bends to the left by more than 2 m within 20 m"
    assert 2 in commands and commands[-1] == 1
