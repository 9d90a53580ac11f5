"""Canonical maps equal what the real devkit's libraries (geopandas on GDAL and PROJ) read from the same GeoPackages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from lead_xb.adapters.navsim.map_layers import LAYERS, OTHER
from lead_xb.adapters.navsim.maps import VERSIONS_FILE, map_tasks
from lead_xb.schemas.map import MAP_COLUMNS, Layer
from lead_xb.store.codec import same_bits
from lead_xb.store.map_file import open_map
from lead_xb.store.maps import Element, Map

TOLERANCE_M = 1e-6
Recorded = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def recorded(topic: Callable[[str], Path]) -> Recorded:
    """Native layer -> feature id -> columns and `coords`, in the order of the devkit's rows."""
    layers: Recorded = json.loads((topic("navsim") / "map_utm.json").read_text())
    assert layers
    return layers


@pytest.fixture(scope="module")
def converted(topic: Callable[[str], Path], recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Map:
    """The recorded city, converted: the one whose GeoPackage is largest, since the others are stubs."""
    root = topic("navsim") / "native" / "maps"
    tasks = map_tasks(root, list(json.loads((root / VERSIONS_FILE).read_text())))
    path = tmp_path_factory.mktemp("maps") / "map.arrow"
    max(tasks, key=lambda task: task.native_bytes).write(path)
    return open_map(path)


def elements_of(converted: Map, native_layer: str) -> list[Element]:
    layer = LAYERS.get(native_layer, OTHER).layer
    return [element for element in converted.elements(layer) if element.native_layer == native_layer]


def test_layers_and_ids_are_those_of_the_devkit_in_its_row_order(recorded: Recorded, converted: Map) -> None:
    assert set(converted.meta.layers) == set(recorded)
    for name, features in recorded.items():
        elements = elements_of(converted, name)
        assert [element.id for element in elements] == list(features), name
        assert [element.native_row for element in elements] == list(range(len(features)))


def test_native_columns_come_back_with_type_and_bits(recorded: Recorded, converted: Map) -> None:
    for name, features in recorded.items():
        known = LAYERS.get(name, OTHER)
        layer = converted.layer(known.layer)
        columns = {column.name: layer.column(column.name) for column in MAP_COLUMNS}
        for element in elements_of(converted, name):
            row = layer.row(element.id)
            native = known.native({column: cells[row] for column, cells in columns.items()})
            wanted = {column: value for column, value in features[element.id].items() if column != "coords"}
            assert same_bits({column: native[column] for column in wanted}, wanted), (name, element.id)


def test_coordinates_agree(recorded: Recorded, converted: Map, record_property: Callable[[str, object], None]) -> None:
    worst = 0.0
    for name, features in recorded.items():
        for element in elements_of(converted, name):
            wanted = np.array(features[element.id]["coords"], np.float64)
            ring = shapely.get_exterior_ring(element.geometry)
            found = shapely.get_coordinates(element.geometry if ring is None else ring)
            assert found.shape == wanted.shape, (name, element.id)
            worst = max(worst, float(np.abs(found - wanted).max()))
    record_property("largest_difference_m", worst)
    assert worst <= TOLERANCE_M


def test_topology_agrees(recorded: Recorded, converted: Map) -> None:
    for id, columns in recorded["lane_connectors"].items():
        connector = converted.lane(id, connector=True)
        assert connector.predecessors == (str(columns["exit_lane_fid"]),)
        assert connector.successors == (str(columns["entry_lane_fid"]),)
    for layer, inverse, before, after in (
        ("lanes_polygons", "lane_connectors", "entry_lane_fid", "exit_lane_fid"),
        ("lane_groups_polygons", "lane_group_connectors", "to_lane_group_fid", "from_lane_group_fid"),
    ):
        for element in elements_of(converted, layer):
            links = recorded[inverse].items()
            assert list(element.predecessors) == [id for id, columns in links if str(columns[before]) == element.id]
            assert list(element.successors) == [id for id, columns in links if str(columns[after]) == element.id]


def test_square_queries_agree_with_a_scan_of_all_rows(recorded: Recorded, converted: Map) -> None:
    layers = {LAYERS[name].layer: name for name in recorded if name in LAYERS}
    centers = np.array([element.geometry.centroid.coords[0] for element in converted.elements(Layer.LANE)])
    for center in centers:
        for radius in (1.0, 32.0):
            patch = shapely.box(*(center - radius), *(center + radius))
            for layer, name in layers.items():
                scan = [element.id for element in elements_of(converted, name) if element.geometry.intersects(patch)]
                assert [element.id for element in converted.query_square(layer, center, radius)] == scan
