"""The LEAD log: deterministic bytes, and the files, keys and types of LEAD's own recordings."""

from __future__ import annotations

import hashlib
import json
import lzma
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import laspy
import numpy as np
import pytest

from lead_xb.demo.drive import make_drive
from lead_xb.demo.lead_format import encode_depth, write_lead

# The recordings were written by numpy 1.26, whose module names newer versions still accept.
pytestmark = pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")

GOLDEN = Path(__file__).parents[1] / "golden" / "lead-expert-logs"


@pytest.fixture(scope="module")
def route(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = write_lead(make_drive(duration_s=0.5), tmp_path_factory.mktemp("lead"))
    assert dataset.name == "carla_leaderboard2"
    return next(dataset.glob("data/*/*"))


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def load(path: Path) -> Any:
    with lzma.open(path) as file:
        return pickle.load(file)


def type_tree(value: object) -> object:
    """Types all the way down; lists by the types that occur, so that lengths do not matter."""
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.ndim)
    if isinstance(value, dict):
        return {key: type_tree(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return ["list", *sorted({str(type_tree(entry)) for entry in value})]
    return type(value).__name__


def golden_routes() -> list[Path]:
    found = sorted(path.parent for path in GOLDEN.glob("carla_leaderboard2/data/*/*/metas"))
    if not found:
        pytest.skip("no LEAD recording under tests/golden/lead-expert-logs")
    return found


def golden_metas() -> Iterator[dict[str, object]]:
    for folder in golden_routes():
        for path in sorted((folder / "metas").iterdir()):
            yield load(path)


def test_two_writes_give_the_same_bytes(route: Path, tmp_path: Path) -> None:
    again = next(write_lead(make_drive(duration_s=0.5), tmp_path).glob("data/*/*"))
    assert digests(route) == digests(again)


def test_every_file_kind_has_every_frame(route: Path) -> None:
    kinds = {f"{kind}{rig}" for kind in ("rgb", "semantics", "depth", "hdmap", "radar") for rig in ("", "_perturbated")}
    assert {path.name for path in route.iterdir() if path.is_dir()} == kinds | {"lidar", "metas", "bboxes"}
    for folder in route.iterdir():
        if folder.is_dir():
            assert sorted(path.stem for path in folder.iterdir()) == ["0000", "0001", "0002"]


def test_meta_keys_and_types_are_those_of_the_recordings(route: Path) -> None:
    ours = load(route / "metas" / "0001.pkl")
    seen: dict[str, list[object]] = {}
    for meta in golden_metas():
        assert list(ours) == list(meta)
        for key, value in meta.items():
            seen.setdefault(key, []).append(type_tree(value))
    for key, value in ours.items():
        # An empty list says nothing about the type of its entries.
        assert type_tree(value) in seen[key] or value == [] or _empty_everywhere(seen[key]), key


def _empty_everywhere(trees: list[object]) -> bool:
    return all(tree == ["list"] for tree in trees)


def test_box_keys_and_types_are_those_of_the_recordings(route: Path) -> None:
    seen: dict[tuple[str, str], list[object]] = {}
    orders: dict[str, tuple[str, ...]] = {}
    for folder in golden_routes():
        for path in sorted((folder / "bboxes").iterdir()):
            for box in load(path):
                orders[box["class"]] = tuple(box)
                for key, value in box.items():
                    seen.setdefault((box["class"], key), []).append(type_tree(value))
    boxes = load(route / "bboxes" / "0001.pkl")
    assert {box["class"] for box in boxes} >= {"ego_car", "car", "walker", "static", "static_prop_car", "traffic_light"}
    for box in boxes:
        assert tuple(box) == orders[box["class"]]
        for key, value in box.items():
            assert type_tree(value) in seen[box["class"], key], (box["class"], key)


def test_images_have_the_sizes_and_encodings_of_the_recordings(route: Path) -> None:
    folders = golden_routes()
    for kind in ("rgb", "semantics", "depth", "hdmap", "rgb_perturbated", "depth_perturbated"):
        recorded = next(path for folder in folders for path in sorted((folder / kind).iterdir()))
        ours = route / kind / f"0001{recorded.suffix}"
        a, b = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (recorded, ours))
        assert a is not None and b is not None
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if recorded.suffix == ".jpg":
            # The quantisation tables say which quality was used.
            assert recorded.read_bytes()[:160] == ours.read_bytes()[:160]


def test_results_have_the_keys_of_the_recordings(route: Path) -> None:
    ours = json.loads((route / "results.json").read_text())
    for folder in golden_routes():
        recorded = json.loads((folder / "results.json").read_text())
        assert type_tree(ours) == type_tree(recorded)


def test_the_cloud_has_ages_and_the_format_of_the_recordings(route: Path) -> None:
    cloud = laspy.read(route / "lidar" / "0002.laz")
    assert (cloud.header.point_format.id, str(cloud.header.version)) == (0, "1.2")
    np.testing.assert_allclose(cloud.header.scales, 0.1)
    assert set(np.unique(cloud["time"])) == set(range(10))
    assert len(cloud) > 5_000
    recorded = [path for folder in golden_routes() for path in sorted((folder / "lidar").glob("*.laz"))]
    reference = laspy.read(recorded[0]).header
    assert list(reference.point_format.extra_dimension_names) == ["time"]
    assert reference.point_format == cloud.header.point_format


def test_semantics_are_grouped_classes_and_depth_is_a_quarter(route: Path) -> None:
    semantics = cv2.imread(str(route / "semantics" / "0001.png"), cv2.IMREAD_UNCHANGED)
    assert semantics is not None
    assert set(np.unique(semantics).tolist()) <= {0, 1, 2, 3, 4, 5, 6, 9}
    assert {1, 2, 5} <= set(np.unique(semantics).tolist())


def test_both_rigs_differ_by_the_recorded_perturbation(route: Path) -> None:
    meta = load(route / "metas" / "0000.pkl")
    assert 0.1 <= abs(meta["perturbation_translation"]) <= 1.0
    assert (route / "rgb" / "0000.jpg").read_bytes() != (route / "rgb_perturbated" / "0000.jpg").read_bytes()
    normal, shifted = (np.load(route / kind / "0000.npz") for kind in ("radar", "radar_perturbated"))
    assert {f"radar{k}" for k in range(1, 5)} == set(normal.files)
    assert all(normal[name].dtype == np.float16 for name in normal.files)
    assert any(not np.array_equal(normal[name], shifted[name]) for name in normal.files)


def test_boxes_are_sorted_by_distance_and_seen(route: Path) -> None:
    boxes = load(route / "bboxes" / "0001.pkl")
    distances = [float(box["distance"]) for box in boxes]
    assert distances == sorted(distances)
    assert sum(box.get("visible_pixels", 0) > 50 for box in boxes) >= 4
    assert sum(box.get("num_points", 0) > 0 for box in boxes) >= 3


def test_depth_codes_are_floors_of_fifths_of_metres() -> None:
    depth = np.full((8, 8), 10.0)
    depth[:, 4:] = 1000.0
    assert encode_depth(depth).tolist() == [[51, 255], [51, 255]]
