"""Drawing primitives."""

from __future__ import annotations

import numpy as np

from lead_xb.viz import draw
from lead_xb.viz.palette import PANEL, TILE


def test_a_missing_tile_carries_its_text_in_the_middle() -> None:
    tile = draw.missing_tile(300, 100, "CAM_F0: not recorded")
    marked = np.argwhere((tile != TILE).any(axis=2))
    np.testing.assert_allclose(marked.mean(axis=0), [50, 150], atol=12)


def test_a_line_far_outside_still_crosses_the_picture_where_it_should() -> None:
    image = draw.blank(100, 100, (0, 0, 0))
    draw.lines(image, [np.array([(-1e6, 50.0), (1e6, 50.0)])], (255, 255, 255))
    assert (image[50, 1:] > 200).all() and not image[40].any()


def test_a_tint_is_as_strong_as_its_mask() -> None:
    image = draw.blank(4, 1, (0, 0, 0))
    draw.tint(image, np.array([[0, 51, 255, 0]], np.uint8), (200, 100, 50))
    assert image[0].tolist() == [[0, 0, 0], [40, 20, 10], [200, 100, 50], [0, 0, 0]]


def test_a_short_arrow_is_left_out_and_a_long_one_ends_at_its_tip() -> None:
    image = draw.blank(60, 20, PANEL)
    draw.arrow(image, np.array([10.0, 10.0]), np.array([14.0, 10.0]), (255, 0, 0))
    assert (image == PANEL).all()
    draw.arrow(image, np.array([10.0, 10.0]), np.array([50.0, 10.0]), (255, 0, 0))
    columns = np.argwhere((image != PANEL).any(axis=2))[:, 1]
    assert abs(int(columns.max()) - 50) <= 1 and abs(int(columns.min()) - 10) <= 2


def test_text_ends_where_its_width_says() -> None:
    image = draw.blank(200, 30, PANEL)
    end = draw.put_text(image, "12.5 m/s", (10, 20))
    columns = np.argwhere((image != PANEL).any(axis=2))[:, 1]
    assert end == 10 + draw.text_width("12.5 m/s")
    assert 10 <= columns.min() and columns.max() <= end + 1
