"""What lies under the traffic in a bird's-eye view: a vector map, or the raster that LEAD logs have in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from jaxtyping import Float64

from lead_xb.schemas.map import Layer
from lead_xb.schemas.sensors import group_of
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.store.frame import Frame
from lead_xb.store.maps import Map
from lead_xb.viz import draw
from lead_xb.viz.draw import Image
from lead_xb.viz.palette import AREA, LIGHT, LINE, RASTER, ROUTE, class_table, mixed
from lead_xb.viz.window import Window

ROUTE_TINT = 0.22
"""How much of the route's colour the road blocks of a route take on."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a window lies on a map. Global x, y are taken to the ego's ground plane, which the ego stands on."""

    window: Window
    world_from_ego: Float64[np.ndarray, "4 4"]

    @property
    def area(self) -> shapely.Polygon:
        """The window on the map, global frame."""
        plane, origin = self.world_from_ego[:2, :2], self.world_from_ego[:2, 3]
        return shapely.Polygon(self.window.corners @ plane.T + origin)

    def to_pixels(self, points: Float64[np.ndarray, "count 2"]) -> Float64[np.ndarray, "count 2"]:
        """Global x, y in m -> (column, row)."""
        plane, origin = self.world_from_ego[:2, :2], self.world_from_ego[:2, 3]
        return self.window.to_pixels((points - origin) @ np.linalg.inv(plane).T)


def draw_ground(image: Image, window: Window, frame: Frame, map: Map | None) -> None:
    """Draw the map under a row, else its `bev_map` raster, else nothing.

    Args:
        image: picture of the size of the window.
        window: the part that is shown.
        frame: the row.
        map: the map that the scene lies on; rows without ego cannot be placed on it.
    """
    world_from_ego = frame.world_from_ego
    if map is not None and world_from_ego is not None:
        place = Placement(window, world_from_ego)
        _draw_areas(image, place, map)
        _draw_route_blocks(image, place, map, frame["navigation.road_blocks"] or [])
        _draw_map_lines(image, place, map)
        _draw_lights(image, place, map, frame)
    elif (column := _raster_column(frame)) is not None:
        _draw_raster(image, window, frame, column)


def _draw_areas(image: Image, place: Placement, map: Map) -> None:
    area = place.area
    for layer, colour in AREA.items():
        elements = map.layer(layer)
        if not len(elements):
            continue
        for rings in _polygons(elements.geometries[elements.intersecting(area)], place):
            draw.areas(image, rings, colour)


def _draw_route_blocks(image: Image, place: Placement, map: Map, ids: list[str]) -> None:
    """Tint the road blocks and connectors that the route leads over."""
    for layer in (Layer.ROAD_BLOCK, Layer.ROAD_BLOCK_CONNECTOR):
        elements = map.layer(layer)
        rows = [row for id in dict.fromkeys(ids) for row in elements.rows_by("id").get(id, [])]
        colour = mixed(AREA[layer], ROUTE, ROUTE_TINT)
        for rings in _polygons(elements.geometries[np.array(rows, np.int64)], place):
            draw.areas(image, rings, colour)


def _draw_map_lines(image: Image, place: Placement, map: Map) -> None:
    area = place.area
    for layer, colour in LINE.items():
        elements = map.layer(layer)
        if len(elements):
            geometries = elements.geometries[elements.intersecting(area)]
            draw.lines(image, _lines(geometries, place), colour)


def _draw_lights(image: Image, place: Placement, map: Map, frame: Frame) -> None:
    """Lanes and connectors whose light is known, in the colour of the light."""
    lights = frame["traffic_lights"]
    if lights is None:
        return
    connectors = map.layer(Layer.LANE_CONNECTOR)
    states = zip(lights.field("lane_id").to_pylist(), lights.field("state").to_pylist(), strict=True)
    for lane_id, state in states:
        rows = np.array(connectors.rows_by("id").get(lane_id, []), np.int64)
        light = LightState(state)
        width = 1 if light is LightState.NOT_RED else 2
        draw.lines(image, _lines(connectors.geometries[rows], place), LIGHT[light], width=width)


def _polygons(geometries: np.ndarray, place: Placement) -> Iterator[list[Float64[np.ndarray, "points 2"]]]:
    """Rings of each polygon in pixels, the outer one first."""
    for polygon in shapely.get_parts(geometries):
        yield [place.to_pixels(shapely.get_coordinates(ring)) for ring in shapely.get_rings(polygon)]


def _lines(geometries: np.ndarray, place: Placement) -> list[Float64[np.ndarray, "points 2"]]:
    return [place.to_pixels(shapely.get_coordinates(line)) for line in shapely.get_parts(geometries)]


def _raster_column(frame: Frame) -> str | None:
    columns = (payload.column for payload in frame.rig.payloads if payload.pixel_from_ego is not None)
    return next((name for name in columns if group_of(name) == "bev_map" and frame.has(name)), None)


def _draw_raster(image: Image, window: Window, frame: Frame, column: str) -> None:
    """Colour the classes of a `bev_map` and turn it into the window; outside the raster the picture stays."""
    payload, codes = frame.rig.payload(column), frame.codes(column)
    if codes is None or payload.pixel_from_ego is None:
        return
    colours = class_table(payload.classes, RASTER)[np.minimum(codes, 255)]
    raster_from_ego = np.array(payload.pixel_from_ego)
    linear = raster_from_ego[:, :2] @ window.ego_from_pixel[:, :2]
    shift = raster_from_ego[:, :2] @ window.ego_from_pixel[:, 2] + raster_from_ego[:, 2]
    cv2.warpAffine(
        colours,
        np.column_stack([linear, shift]),
        (window.width, window.height),
        dst=image,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
