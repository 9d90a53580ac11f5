"""Does the map of a 123D log fit a canonical map? Written by hand from the recording, read back, compared."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import shapely

from lead_xb.schemas.map import Layer, MapMeta, map_id_of
from lead_xb.store.codec import pack_native, same_bits
from lead_xb.store.map_file import open_map, write_map
from lead_xb.store.maps import Map
from lead_xb.store.writer import Row

from .py123d_recording import Log, unpack
from .round_trip import GOLDEN

LAYERS = {
    **{0: ("LANE", Layer.LANE), 1: ("LANE_GROUP", Layer.ROAD_BLOCK), 4: ("WALKWAY", Layer.WALKWAY)},
    **{8: ("ROAD_EDGE", Layer.BOUNDARY), 9: ("ROAD_LINE", Layer.BOUNDARY)},
}
SUBTYPES = ("lane_type", "road_edge_type", "road_line_type")


def rows_of(elements: list[dict[str, Any]]) -> list[Row]:
    """Native elements in native order, then a centre line a lane."""
    counts = dict.fromkeys(LAYERS, 0)
    rows: list[Row] = []
    lines: list[Row] = []
    for element in elements:
        code, features = element["map_layer"], unpack(element["features"])
        name, layer = LAYERS[code]
        # Lines come in PostGIS' WKB with z; canonical maps hold ISO WKB, so the native bytes stay in `extra`.
        geometry = shapely.to_wkb(shapely.from_wkb(element["wkb"]), flavor="iso")
        cells = {"id": str(element["object_id"]), "layer": layer.value, "native_layer": name, "geometry": geometry}
        rows.append({**cells, "native_row": counts[code], **_topology(features), "extra": pack_native(element)})
        counts[code] += 1
        if layer is Layer.LANE:
            line = shapely.to_wkb(shapely.LineString(features["centerline"]), flavor="iso")
            place = {"layer": Layer.CENTERLINE.value, "native_layer": "LANE.centerline", "native_row": len(lines)}
            lines.append({**cells, **place, "geometry": line, "lane_id": cells["id"], "lane_layer": Layer.LANE.value})
    return rows + lines


def _topology(features: dict[str, Any]) -> Row:
    group = features.get("lane_group_id")
    subtype = next((str(features[name]) for name in SUBTYPES if name in features), None)
    lists = {"predecessors": "predecessor_ids", "successors": "successor_ids"}
    return {
        "road_block_id": None if group is None else str(group),
        "speed_limit": features.get("speed_limit_mps"),
        "subtype": subtype,
        **{column: [str(id) for id in features[key]] for column, key in lists.items() if key in features},
    }


@pytest.fixture(scope="module")
def native() -> list[dict[str, Any]]:
    table = Log("sync_town10hd").map
    assert table is not None
    elements: list[dict[str, Any]] = table.to_pylist()
    return elements


@pytest.fixture(scope="module")
def opened(native: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Map:
    path = tmp_path_factory.mktemp("map") / "map.arrow"
    map_id = map_id_of("py123d", "town10hd", "sync_town10hd")
    meta = MapMeta(map_id=map_id, source="py123d", location="town10hd", map_version="sync_town10hd", crs=None)
    write_map(path, meta, rows_of(native))
    return open_map(path)


def test_every_element_comes_back_bit_for_bit(opened: Map, native: list[dict[str, Any]]) -> None:
    kept = [element for layer in (Layer.LANE, Layer.ROAD_BLOCK, Layer.WALKWAY) for element in opened.elements(layer)]
    kept += opened.elements(Layer.BOUNDARY)
    assert [same_bits(element.native, recorded) for element, recorded in zip(kept, native, strict=True)] == [True] * 15


def test_lanes_are_what_the_123d_package_reads(opened: Map) -> None:
    recorded = json.loads((GOLDEN / "py123d" / "expected.json").read_text())["logs"]["sync_town10hd"]["map"]
    for lane, read in zip(opened.elements(Layer.LANE), recorded["layers"]["LANE"], strict=True):
        assert (lane.id, lane.speed_limit, lane.subtype) == (str(read["id"]), read["speed_limit_mps"], "2")
        assert lane.geometry.area == pytest.approx(read["area"])
        line = opened.lane(lane.id).centerline
        assert len(line) == read["centerline_n"]
        np.testing.assert_array_equal(line[0], read["centerline_first"][:2])
        assert lane.road_block_id == str(read["lane_group_id"])
    assert [lane.id for lane in opened.road_block("3").lanes] == ["7", "6"]


def test_edges_and_lines_keep_their_height(opened: Map) -> None:
    boundaries = opened.elements(Layer.BOUNDARY)
    assert {boundary.native_layer for boundary in boundaries} == {"ROAD_EDGE", "ROAD_LINE"}
    assert all(boundary.geometry.has_z for boundary in boundaries)
