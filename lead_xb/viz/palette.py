"""Every colour and text size of the pictures, in one place: a dark theme on which camera images and points stand out.

Colours are RGB, 0 to 255.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from jaxtyping import UInt8

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.map import Layer
from lead_xb.schemas.traffic_lights import LightState

Colour = tuple[int, int, int]

BACKGROUND: Colour = (13, 16, 22)
PANEL: Colour = (21, 25, 33)
TILE: Colour = (44, 49, 59)
GRID: Colour = (52, 58, 70)
TEXT: Colour = (234, 237, 243)
MUTED: Colour = (150, 159, 175)
ACCENT: Colour = (255, 200, 61)

EGO: Colour = (240, 243, 248)
FUTURE: Colour = (255, 196, 46)
PAST: Colour = (138, 147, 163)
ROUTE: Colour = (64, 214, 140)
TARGET: Colour = (226, 106, 255)
RADAR: Colour = (255, 138, 216)

SMALL_PX, BODY_PX, TITLE_PX = 13, 16, 22
"""Heights of text lines."""

CATEGORY: Mapping[Category, Colour] = {
    Category.OTHER: (168, 172, 184),
    Category.EGO: EGO,
    Category.VEHICLE: (72, 180, 255),
    Category.MOTORCYCLE: (255, 150, 84),
    Category.TWO_WHEELER: (226, 206, 78),
    Category.BICYCLE: (190, 232, 70),
    Category.PEDESTRIAN: (255, 96, 136),
    Category.PARKED_VEHICLE: (122, 138, 232),
    Category.TRAFFIC_CONE: (255, 122, 48),
    Category.BARRIER: (206, 164, 120),
    Category.CONSTRUCTION_SIGN: (244, 190, 88),
    Category.GENERIC_OBJECT: (176, 180, 196),
    Category.TRAFFIC_LIGHT: (214, 220, 120),
    Category.STOP_SIGN: (240, 72, 72),
    Category.ANIMAL: (206, 140, 255),
    Category.TRAIN: (90, 220, 220),
    Category.TRAFFIC_SIGN: (242, 226, 102),
}

LIGHT: Mapping[LightState, Colour] = {
    LightState.UNKNOWN: MUTED,
    LightState.GREEN: (66, 220, 120),
    LightState.YELLOW: (255, 208, 60),
    LightState.RED: (255, 70, 70),
    LightState.OFF: MUTED,
    LightState.NOT_RED: (120, 200, 150),
}

AREA: Mapping[Layer, Colour] = {
    Layer.GENERIC_DRIVABLE: (34, 39, 48),
    Layer.ROAD_SEGMENT: (34, 39, 48),
    Layer.CARPARK: (38, 40, 54),
    Layer.WALKWAY: (28, 40, 38),
    Layer.ROAD_BLOCK: (40, 46, 57),
    Layer.ROAD_BLOCK_CONNECTOR: (40, 46, 57),
    Layer.INTERSECTION: (43, 49, 61),
    Layer.LANE: (46, 53, 65),
    Layer.LANE_CONNECTOR_POLYGON: (46, 53, 65),
    Layer.STOP_AREA: (78, 50, 58),
    Layer.CROSSWALK: (84, 92, 108),
}
"""Areas of a map in drawing order."""

LINE: Mapping[Layer, Colour] = {
    Layer.BOUNDARY: (104, 112, 128),
    Layer.CENTERLINE: (82, 98, 122),
}

RASTER: Mapping[str, Colour] = {
    "unlabeled": BACKGROUND,
    "road": (46, 53, 65),
    "sidewalk": (28, 40, 38),
    "lane_marking": (104, 112, 128),
    "broken_lane_marking": (90, 99, 116),
    "stop_sign": CATEGORY[Category.STOP_SIGN],
    "traffic_light_green": LIGHT[LightState.GREEN],
    "traffic_light_yellow": LIGHT[LightState.YELLOW],
    "traffic_light_red": LIGHT[LightState.RED],
}
"""Classes of a `bev_map` raster."""

SEMANTIC: Mapping[str, Colour] = {
    "unlabeled": (26, 30, 38),
    "vehicle": CATEGORY[Category.VEHICLE],
    "road": (84, 74, 112),
    "traffic_light": CATEGORY[Category.TRAFFIC_LIGHT],
    "pedestrian": CATEGORY[Category.PEDESTRIAN],
    "road_line": (222, 224, 232),
    "obstacle": CATEGORY[Category.TRAFFIC_CONE],
    "special_vehicle": (96, 226, 226),
    "stop_sign": CATEGORY[Category.STOP_SIGN],
    "biker": CATEGORY[Category.BICYCLE],
}
"""Classes of a `semantic` image."""


def mixed(colour: Colour, other: Colour, part: float) -> Colour:
    """`colour` with `part` (0 to 1) of `other` in it."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def light_colour(state: str | None) -> Colour:
    """Colour of a light's state as its source names it; grey for a state without a colour."""
    named = LightState.__members__.get((state or "").upper(), LightState.UNKNOWN)
    return LIGHT[named]


def class_table(classes: Mapping[str, str], colours: Mapping[str, Colour]) -> UInt8[np.ndarray, "256 3"]:
    """Colour of each code of a class image: by name where the palette knows it, else one hue per code."""
    codes = np.arange(256)
    hues = np.stack([codes * 67 % 180, np.full(256, 120), np.full(256, 190)], axis=1).astype(np.uint8)
    table: np.ndarray = cv2.cvtColor(hues[None], cv2.COLOR_HSV2RGB)[0]
    table[0] = PANEL
    for code, name in classes.items():
        if name in colours:
            table[int(code)] = colours[name]
    return table


def height_table() -> UInt8[np.ndarray, "256 3"]:
    """Colours of LiDAR points from low (dark blue, so that the ground recedes) over cyan to high (warm white)."""
    level = np.linspace(0.0, 1.0, 256)
    stops, colours = (0.0, 0.3, 0.7, 1.0), np.array([(50, 62, 112), (64, 168, 214), (150, 232, 200), (255, 244, 196)])
    return np.stack([np.interp(level, stops, colours[:, band]) for band in range(3)], axis=1).astype(np.uint8)
