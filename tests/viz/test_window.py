"""The window of a bird's-eye view: one map from metres to pixels, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lead_xb.viz.window import Window

WINDOW = Window.of_size(800, 960, ahead_m=64.0, behind_m=32.0)


def test_forward_is_up_and_left_is_left() -> None:
    origin, ahead, left = WINDOW.to_pixels(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]))
    np.testing.assert_allclose(origin, [400.0, 640.0])
    np.testing.assert_allclose(ahead - origin, [0.0, -100.0])
    np.testing.assert_allclose(left - origin, [-100.0, 0.0])


def test_the_edges_lie_at_the_asked_distances() -> None:
    np.testing.assert_allclose(WINDOW.corners, [[64.0, 40.0], [64.0, -40.0], [-32.0, -40.0], [-32.0, 40.0]])


def test_a_window_of_a_given_scale_keeps_the_ego_at_the_same_distance_from_its_lower_edge() -> None:
    for height in (400, 700):
        window = Window.of_scale(800, height, px_per_m=7.0, behind_m=32.0)
        np.testing.assert_allclose(window.to_pixels(np.zeros(2)), [400.0, height - 32.0 * 7.0])
        assert window.px_per_m == 7.0


@given(x=st.floats(-100.0, 100.0), y=st.floats(-100.0, 100.0))
def test_pixels_lead_back_to_metres(x: float, y: float) -> None:
    back = WINDOW.ego_from_pixel[:, :2] @ WINDOW.to_pixels(np.array([x, y])) + WINDOW.ego_from_pixel[:, 2]
    np.testing.assert_allclose(back, [x, y], atol=1e-9)


def test_contains_respects_its_margin() -> None:
    assert WINDOW.contains(np.array([5.0, 5.0])) and not WINDOW.contains(np.array([5.0, 5.0]), margin=6.0)
    assert not WINDOW.contains(np.array([801.0, 5.0]))
