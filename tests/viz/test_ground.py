"""The ground under the traffic: a vector map in the global frame, or a raster in the ego frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from lead_xb.schemas.map import Layer, MapMeta
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.map_file import open_map, write_map
from lead_xb.store.maps import Map
from lead_xb.store.scene import Scene
from lead_xb.viz.draw import blank
from lead_xb.viz.ground import draw_ground
from lead_xb.viz.palette import AREA, BACKGROUND, LIGHT, RASTER, ROUTE, mixed
from lead_xb.viz.window import Window

MakeScene = Callable[..., Scene]

WINDOW = Window.of_size(480, 480, ahead_m=24.0, behind_m=24.0)
"""10 px per m, the ego in the middle."""

LEFT, RIGHT, AHEAD = (240, 160), (240, 320), (160, 240)
"""Rows and columns of what lies 8 m to the left, to the right and ahead."""


def ground_of(scene: Scene, map: Map | None = None) -> np.ndarray:
    """The ground of the first row."""
    image = blank(480, 480, BACKGROUND)
    draw_ground(image, WINDOW, scene.frame(0), map)
    return image


@pytest.fixture(name="north_facing")
def fixture_north_facing() -> Callable[[int, dict[str, Any]], None]:
    """The ego stands at (1000, 500) and looks along the global y axis."""

    def edit(index: int, row: dict[str, Any]) -> None:
        half = np.sqrt(0.5)
        row["ego.pose"] = np.array([1000.0, 500.0, 30.0, half, 0.0, 0.0, half])

    return edit


@pytest.fixture(name="map_of")
def fixture_map_of(tmp_path: Path) -> Callable[..., Map]:
    """`map_of((layer, id, geometry), ...)`: a stored map, opened."""

    def make(*elements: tuple[Layer, str, shapely.Geometry]) -> Map:
        meta = MapMeta(map_id="m", source="synthetic", location="Nowhere", map_version="1", crs=None)
        rows = [
            {"id": id, "layer": layer.value, "native_layer": id, "native_row": 0, "geometry": shapely.to_wkb(geometry)}
            for layer, id, geometry in elements
        ]
        write_map(tmp_path / "m.arrow", meta, rows)
        return open_map(tmp_path / "m.arrow")

    return make


def test_a_lane_to_the_west_of_a_car_that_looks_north_lies_left(
    make_scene: MakeScene, north_facing: Callable[..., None], map_of: Callable[..., Map]
) -> None:
    lane = (Layer.LANE, "1", shapely.box(988.0, 480.0, 996.0, 520.0))
    image = ground_of(make_scene(edit=north_facing), map_of(lane))
    assert tuple(image[LEFT]) == AREA[Layer.LANE]
    assert tuple(image[RIGHT]) == tuple(image[AHEAD]) == BACKGROUND


def test_a_hole_in_an_area_stays_open(
    make_scene: MakeScene, north_facing: Callable[..., None], map_of: Callable[..., Map]
) -> None:
    square, hole = shapely.box(980.0, 480.0, 1020.0, 520.0), shapely.box(990.0, 498.0, 994.0, 502.0)
    image = ground_of(make_scene(edit=north_facing), map_of((Layer.WALKWAY, "1", square - hole)))
    assert tuple(image[LEFT]) == BACKGROUND and tuple(image[RIGHT]) == AREA[Layer.WALKWAY]


def test_crosswalks_lie_on_lanes(
    make_scene: MakeScene, north_facing: Callable[..., None], map_of: Callable[..., Map]
) -> None:
    area = shapely.box(980.0, 480.0, 1020.0, 520.0)
    stripe = shapely.box(980.0, 506.0, 1020.0, 510.0)
    image = ground_of(make_scene(edit=north_facing), map_of((Layer.CROSSWALK, "1", stripe), (Layer.LANE, "2", area)))
    assert tuple(image[AHEAD]) == AREA[Layer.CROSSWALK] and tuple(image[LEFT]) == AREA[Layer.LANE]


def test_the_road_blocks_of_the_route_are_tinted(
    make_scene: MakeScene, north_facing: Callable[..., None], map_of: Callable[..., Map]
) -> None:
    def edit(index: int, row: dict[str, Any]) -> None:
        north_facing(index, row)
        row["navigation.road_blocks"] = ["2", "2", "not on this map"]

    west, east = shapely.box(988.0, 480.0, 996.0, 520.0), shapely.box(1004.0, 480.0, 1012.0, 520.0)
    image = ground_of(make_scene(edit=edit), map_of((Layer.ROAD_BLOCK, "1", west), (Layer.ROAD_BLOCK, "2", east)))
    assert tuple(image[LEFT]) == AREA[Layer.ROAD_BLOCK]
    assert tuple(image[RIGHT]) == mixed(AREA[Layer.ROAD_BLOCK], ROUTE, 0.22)


def test_a_red_light_colours_its_connector(
    make_scene: MakeScene, north_facing: Callable[..., None], map_of: Callable[..., Map]
) -> None:
    def edit(index: int, row: dict[str, Any]) -> None:
        north_facing(index, row)
        row["traffic_lights"] = {"lane_id": ["7", "unknown"], "state": [int(LightState.RED), int(LightState.RED)]}

    line = (Layer.LANE_CONNECTOR, "7", shapely.LineString([(992.0, 480.0), (992.0, 520.0)]))
    assert tuple(ground_of(make_scene(edit=edit), map_of(line))[LEFT]) == LIGHT[LightState.RED]


def test_without_a_map_the_raster_is_turned_into_the_window(
    make_scene: MakeScene, png_of: Callable[[np.ndarray], dict[str, bytes]]
) -> None:
    # The raster has x to the right and y upwards: the upper half of its rows lies to the left of the car.
    codes = np.zeros((200, 200), np.uint8)
    codes[:100] = 1
    image = ground_of(make_scene(edit=lambda index, row: row.update({"bev_map.road": png_of(codes)})))
    assert tuple(image[LEFT]) == RASTER["road"] and tuple(image[RIGHT]) == BACKGROUND


def test_without_map_and_raster_the_ground_is_empty(make_scene: MakeScene) -> None:
    assert (ground_of(make_scene()) == BACKGROUND).all()


def test_a_row_without_ego_cannot_be_placed_on_a_map(make_scene: MakeScene, map_of: Callable[..., Map]) -> None:
    map = map_of((Layer.LANE, "1", shapely.box(-50.0, -50.0, 50.0, 50.0)))
    image = ground_of(make_scene(edit=lambda index, row: row.update({"ego.pose": None})), map)
    assert (image == BACKGROUND).all()
