"""Native columns become ours and come back with type and bits."""

from __future__ import annotations

from typing import Any

import pytest

from lead_xb.adapters.navsim.map_layers import LAYERS, OTHER
from lead_xb.schemas.map import Layer
from lead_xb.store.codec import same_bits, unpack_native

CONNECTOR: dict[str, Any] = {
    "exit_lane_fid": 1,
    "entry_lane_fid": 2,
    "lane_group_connector_fid": 3,
    "intersection_fid": 4,
    "speed_limit_mps": 13.4,
    "turn_type_fid": 0,
    "traffic_light_stop_line_fids": "70,71",
}


def test_a_connector_needs_no_extra() -> None:
    cells = LAYERS["lane_connectors"].cells(CONNECTOR)
    assert cells == {
        "predecessors": ["1"],
        "successors": ["2"],
        "road_block_id": "3",
        "intersection_id": "4",
        "speed_limit": 13.4,
        "subtype": "0",
        "stop_lines": ["70", "71"],
        "extra": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"exit_lane_fid": 1.0},
        {"exit_lane_fid": None, "speed_limit_mps": None},
        {"speed_limit_mps": 13},
        {"speed_limit_mps": -0.0},
        {"traffic_light_stop_line_fids": ""},
        {"traffic_light_stop_line_fids": None},
        {"traffic_light_stop_line_fids": "70, 71"},
        {"traffic_light_stop_line_fids": "70,"},
        {"traffic_light_stop_line_fids": " "},
        {"traffic_light_stop_line_fids": 70},
        {"creator_id": 5, "note": "ünknown", "blob": b"\0", "none": None, "inf": float("inf")},
    ],
)
def test_native_values_come_back_bit_for_bit(change: dict[str, Any]) -> None:
    native = CONNECTOR | change
    restored = LAYERS["lane_connectors"].native(LAYERS["lane_connectors"].cells(native))
    assert same_bits(dict(sorted(restored.items())), dict(sorted(native.items())))


def test_null_is_missing_and_an_empty_list_is_not() -> None:
    layer = LAYERS["lane_connectors"]
    assert "stop_lines" not in layer.cells(CONNECTOR | {"traffic_light_stop_line_fids": None})
    assert layer.cells(CONNECTOR | {"traffic_light_stop_line_fids": ""})["stop_lines"] == []


@pytest.mark.parametrize(("text", "ids"), [("1,", ["1"]), (" ", []), ("70,,71", ["70", "71"]), (", 7 ,", ["7"])])
def test_empty_parts_of_a_list_name_nothing_and_the_text_stays(text: str, ids: list[str]) -> None:
    cells = LAYERS["lane_connectors"].cells(CONNECTOR | {"traffic_light_stop_line_fids": text})
    assert cells["stop_lines"] == ids
    assert unpack_native(cells["extra"]) == {"traffic_light_stop_line_fids": text}


def test_a_baseline_belongs_to_a_lane_or_to_a_connector() -> None:
    layer = LAYERS["baseline_paths"]
    lane = layer.cells({"lane_fid": 20001.0, "lane_connector_fid": None})
    connector = layer.cells({"lane_fid": None, "lane_connector_fid": 20001.0})
    assert (lane["lane_id"], lane["lane_layer"]) == ("20001", "lane")
    assert (connector["lane_id"], connector["lane_layer"]) == ("20001", "lane_connector")
    assert "lane_id" not in layer.cells({"lane_fid": None, "lane_connector_fid": None})
    with pytest.raises(ValueError, match="are both set"):
        layer.cells({"lane_fid": 1.0, "lane_connector_fid": 2.0})


@pytest.mark.parametrize(
    ("layer", "change", "reason"),
    [
        ("lane_connectors", {"exit_lane_fid": "left"}, "'exit_lane_fid' is 'left', expected an integer"),
        ("lane_connectors", {"exit_lane_fid": 1.5}, "expected an integer"),
        ("lane_connectors", {"exit_lane_fid": float("inf")}, "expected an integer"),
        ("lane_connectors", {"exit_lane_fid": b"1"}, "expected an integer"),
        ("lane_connectors", {"speed_limit_mps": "fast"}, "expected a finite number"),
        ("lane_connectors", {"speed_limit_mps": float("inf")}, "expected a finite number"),
        ("lane_connectors", {"traffic_light_stop_line_fids": "70 71"}, "expected integers joined by commas"),
        ("lanes_polygons", {"lane_index": 1 << 40}, "expected an integer of 32 bits"),
        ("baseline_paths", {"lane_fid": "x", "lane_connector_fid": None}, "'lane_fid' is 'x'"),
    ],
)
def test_a_value_of_the_wrong_kind_names_its_column(layer: str, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LAYERS[layer].cells(change)


def test_an_unknown_layer_keeps_everything_in_extra() -> None:
    cells = OTHER.cells({"heading": 1.5, "name": None})
    assert set(cells) == {"extra"} and unpack_native(cells["extra"]) == {"heading": 1.5, "name": None}
    assert OTHER.native(cells) == {"heading": 1.5, "name": None}


def test_every_layer_of_ours_has_one_native_layer() -> None:
    layers = [known.layer for known in LAYERS.values()]
    assert len(set(layers)) == len(layers) and set(layers) | {Layer.OTHER} == set(Layer)
