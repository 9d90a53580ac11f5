"""The palette covers every category, and colours differ."""

from __future__ import annotations

import numpy as np

from lead_xb.adapters.carla.rig import BEV_CLASSES, GROUPED_CLASSES
from lead_xb.schemas.boxes import Category
from lead_xb.schemas.traffic_lights import LightState
from lead_xb.viz.palette import CATEGORY, LIGHT, RASTER, SEMANTIC, class_table, height_table, light_colour, mixed


def test_every_category_and_light_has_a_colour() -> None:
    assert set(CATEGORY) == set(Category) and set(LIGHT) == set(LightState)


def test_no_two_categories_share_a_colour() -> None:
    assert len(set(CATEGORY.values())) == len(CATEGORY)


def test_the_classes_of_lead_images_have_names_that_the_palette_knows() -> None:
    assert set(GROUPED_CLASSES) <= set(SEMANTIC) and set(BEV_CLASSES) <= set(RASTER)


def test_codes_without_a_name_get_colours_of_their_own() -> None:
    table = class_table({"3": "road"}, SEMANTIC)
    assert tuple(table[3]) == SEMANTIC["road"]
    assert len({tuple(colour) for colour in table[4:20]}) == 16


def test_states_of_lights_are_read_as_their_source_writes_them() -> None:
    assert light_colour("Red") == LIGHT[LightState.RED]
    assert light_colour(None) == light_colour("None") == LIGHT[LightState.UNKNOWN]


def test_high_points_are_lighter_than_low_ones() -> None:
    brightness = height_table().astype(int).sum(axis=1)
    assert (np.diff(brightness) >= 0).all() and brightness[-1] > 2 * brightness[0]


def test_mixing_runs_from_one_colour_to_the_other() -> None:
    assert mixed((0, 0, 0), (200, 100, 50), 0.0) == (0, 0, 0)
    assert mixed((0, 0, 0), (200, 100, 50), 0.5) == (100, 50, 25)
