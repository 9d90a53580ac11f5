"""LEAD's raster: forward to the right, right downwards, half a metre per pixel."""

from __future__ import annotations

import numpy as np

from lead_xb.demo.drive import make_drive
from lead_xb.demo.lead_hdmap import BROKEN_MARKER, LANE_MARKER, ROAD, draw_hdmap
from lead_xb.demo.native_carla import Perturbation, ego_transforms

DRIVE = make_drive(duration_s=0.1)
EGO = ego_transforms(DRIVE.ego)[0]


def test_the_ego_is_in_the_right_lane_so_the_road_reaches_far_up_and_little_down() -> None:
    column = draw_hdmap(DRIVE.network, EGO, perturbation=Perturbation())[:, 128]
    rows = np.nonzero(column)[0]
    # The middle of the lane is 1.75 m from the right edge and 12.25 m from the left one.
    assert abs(rows.max() - (128 + 3.5)) <= 1.5
    assert abs(rows.min() - (128 - 24.5)) <= 1.5


def test_all_three_classes_occur_and_nothing_else() -> None:
    raster = draw_hdmap(DRIVE.network, EGO, perturbation=Perturbation())
    assert set(np.unique(raster).tolist()) == {0, ROAD, LANE_MARKER, BROKEN_MARKER}


def test_a_shift_to_the_right_moves_the_road_up() -> None:
    normal, shifted = (
        draw_hdmap(DRIVE.network, EGO, perturbation=p)[:, 128] for p in (Perturbation(), Perturbation(1.0, 0.0))
    )
    np.testing.assert_array_equal(np.nonzero(normal)[0].max() - 2, np.nonzero(shifted)[0].max())


def test_a_turn_to_the_right_swings_the_road_ahead_up() -> None:
    normal, turned = (
        draw_hdmap(DRIVE.network, EGO, perturbation=p)[:, 168] for p in (Perturbation(), Perturbation(0.5, 10.0))
    )
    assert np.nonzero(turned)[0].mean() < np.nonzero(normal)[0].mean() - 3.0
