"""Table 12 of the page `lead-expert-logs` (what a schema must hold to lose nothing for TFv6), row by row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pyarrow as pa
import pytest

from lead_xb.schemas import rig
from lead_xb.schemas.boxes import BOX_FIELDS
from lead_xb.schemas.column import POSE, VEC2, VEC3, Column
from lead_xb.schemas.index import INDEX_COLUMNS
from lead_xb.schemas.rig import Rig
from lead_xb.schemas.scene import FIXED_COLUMNS, SceneMeta
from lead_xb.schemas.sensors import PAYLOAD, PAYLOAD_FIELDS, POINT_FIELDS, SENSOR_DOCS, points_type
from lead_xb.schemas.traffic_lights import LIGHT_FIELDS
from lead_xb.store.codec import same_bits
from lead_xb.store.lossless import restore
from lead_xb.store.scene import open_scene
from lead_xb.store.writer import write_rows

NUMBER, FLAG, TEXT, POINTS = pa.float64(), pa.bool_(), pa.string(), points_type(())
TRACK, ANGLES, IDS = pa.list_(VEC2), pa.list_(pa.float64()), pa.list_(pa.string())

NEEDS: dict[str, dict[str, Any]] = {
    "camera images + K, extrinsic, stitching order": {
        "image.<payload>": PAYLOAD,
        "Camera.parameters": Mapping[str, tuple[float, ...]],
        "Camera.ego_from_camera": rig.Matrix,
        "Camera.crops": Mapping[str, rig.Crop],
    },
    "original JPEG bytes (not re-encoded)": {"payload: bytes": pa.binary(), "Payload.codec": str},
    "second (perturbated) rig images + (t, r) per route": {
        "view.<name>.<column>": PAYLOAD,
        "View.view_from_ego": rig.Matrix,
    },
    "LiDAR points with age": {
        "lidar.<sensor>": POINTS,
        "points: x": pa.binary(),
        "points: scale": VEC3,
        "PointSensor.attributes": Mapping[str, str],
        "PointSensor.ego_from_sensor": rig.Matrix,
    },
    "radar points": {"radar.<sensor>": POINTS, "PointSensor.attributes": Mapping[str, str]},
    "depth (>= 8 bit, 0..50 m)": {
        "depth.<payload>": PAYLOAD,
        "Payload.bits": int | None,
        "Payload.max_depth_m": float | None,
    },
    "semantics, 10 classes": {"semantic.<payload>": PAYLOAD, "Payload.classes": Mapping[str, str]},
    "HD raster 2 px/m 256x256 both rigs (or map polygons)": {
        "bev_map.<payload>": PAYLOAD,
        "Payload.pixel_from_ego": rig.Matrix | None,
        "view.<name>.<column>": PAYLOAD,
    },
    "boxes: pose, half extents, class string, type_id, mesh_path, role_name, lane_type_str": {
        "box: center": VEC3,
        "box: yaw": NUMBER,
        "box: rotation": pa.list_(NUMBER, 4),
        "box: size": VEC3,
        **{f"box: {name}": TEXT for name in ("native_class", "type_id", "mesh_path", "role_name", "lane_type")},
        "box: category": pa.int8(),
        "box: track_token": TEXT,
    },
    "box speed, brake": {"box: speed": NUMBER, "box: velocity": VEC2, "box: brake": NUMBER},
    "num_points, visible_pixels, num_radar_points": {
        f"box: {name}": pa.int32() for name in ("num_lidar_points", "visible_pixels", "num_radar_points")
    },
    "traffic lights: state, affects_ego, stop-line box, overhead/europe flags": {
        "box: state": TEXT,
        "box: affects_ego": FLAG,
        "box: center": VEC3,
        "light: state": pa.int8(),
        "expert.light_overhead": FLAG,
        "expert.light_europe": FLAG,
    },
    "stop signs: box, affects_ego (= not yet cleared)": {"box: center": VEC3, "box: affects_ego": FLAG},
    "scenario type, obstacle ids, door opened/side": {
        "expert.scenario": TEXT,
        "expert.previous_scenario": TEXT,
        "expert.obstacles": IDS,
        "expert.actors": IDS,
        "expert.cut_ins": IDS,
        "expert.door_opened": FLAG,
        "expert.door_side": TEXT,
    },
    "ego pose (world), speed, IMU": {"ego.pose": POSE, "ego.speed": NUMBER, "ego.angular_velocity": VEC3},
    "acceleration": {"ego.acceleration": VEC2, "ego.acceleration_z": NUMBER},
    "future ego trajectory, 20 Hz to 3 s": {
        "ego_future.position": TRACK,
        "ego_future.height": ANGLES,
        "ego_future.first_us": pa.int64(),
        "ego_future.step_us": pa.int64(),
        "box: future_position": TRACK,
    },
    "future yaws": {"ego_future.yaw": ANGLES, "box: future_yaw": ANGLES},
    "route polyline (>= 20 points, 1 m, from 2.5 m ahead)": {"navigation.route": TRACK},
    "target speed, brake flag": {"expert.target_speed": NUMBER, "expert.brake": FLAG},
    "target points previous/current/next (world) + pop distance": {
        "navigation.target_points": pa.list_(VEC3),
        "navigation.target_commands": pa.list_(pa.int32()),
        "navigation.passed_points": pa.list_(VEC3),
        "navigation.reach_m": NUMBER,
    },
    "command of 6": {"navigation.command": pa.int8(), "navigation.command_raw": pa.int32()},
    "GPS-noise variants of target points and pose": {"extra": pa.binary()},
    "weather, JPEG quality, visibility, town, scenario": {
        "frame.weather": TEXT,
        "index: weather": TEXT,
        "index: location": TEXT,
        "index: scenario": TEXT,
        "extra": pa.binary(),
    },
    "route result (scores, infractions, status)": {"extra": pa.binary()},
    "frame index, tick, route id, rig id, source dataset, z-origin convention, save settings": {
        "frame.source_index": pa.int64(),
        "frame.timestamp_us": pa.int64(),
        "frame.token": TEXT,
        "frame.rig": TEXT,
        "SceneMeta.scene_id": str,
        "SceneMeta.source": str,
        "Rig.source_from_ego": rig.Matrix,
        "extra": pa.binary(),
    },
}
"""Row of the table -> where it is held: a column, a field of an element (`box: x`), an attribute of the rig."""

ALWAYS_THERE = {"frame.timestamp_us", "frame.token", "box: center", "box: size", "box: yaw", "box: category"}
ALWAYS_THERE |= {"light: state"}

COLUMNS: dict[str, Column] = {
    **{column.name: column for column in (*FIXED_COLUMNS, *SENSOR_DOCS)},
    **{
        f"{element}: {column.name}": column
        for element, columns in {
            "box": BOX_FIELDS,
            "light": LIGHT_FIELDS,
            "payload": PAYLOAD_FIELDS,
            "points": POINT_FIELDS,
            "index": INDEX_COLUMNS,
        }.items()
        for column in columns
    },
}
PARTS = {kind.__name__: kind for kind in (rig.Camera, rig.Payload, rig.PointSensor, rig.View, Rig, SceneMeta)}


@pytest.mark.parametrize("need", NEEDS)
def test_what_training_needs_has_a_place_of_a_suitable_type(need: str) -> None:
    for place, kind in NEEDS[need].items():
        owner, _, attribute = place.partition(".")
        if owner in PARTS:
            assert get_type_hints(PARTS[owner])[attribute] == kind, place
        else:
            assert COLUMNS[place].type == kind, place


def test_the_whole_table_is_covered() -> None:
    assert len(NEEDS) == 26 and all(NEEDS.values())


def test_labels_may_be_missing_one_by_one() -> None:
    places = {place for places in NEEDS.values() for place in places if place in COLUMNS}
    assert {place for place in places if not COLUMNS[place].nullable} == ALWAYS_THERE


def test_what_has_no_column_by_design_survives_in_extra(tmp_path: Path) -> None:
    native = {
        "noisy_next_target_points_30": [(1.5, np.float32(2.0)), (np.inf, -0.0)],
        "jpeg_storage_quality": 50,
        "visual_visibility": np.nan,
        "results": {"scores": {"score_composed": 100.0}, "infractions": {"collisions_vehicle": []}, "status": "Done"},
    }
    meta = SceneMeta(
        scene_id="rare",
        source="carla",
        location="Town01",
        map_id=None,
        folder="",
        rig=Rig(source_from_ego=tuple(tuple(row) for row in np.eye(4).tolist())),
    )
    row = {"frame.token": "a", "frame.timestamp_us": 0, "frame.is_key": True, "frame.kind": "recorded"}
    write_rows(tmp_path / "rare.arrow", meta, [(row, native)], lambda _: {})
    assert same_bits(restore({}, open_scene(tmp_path / "rare.arrow").frame(0).extra()), native)
