"""LiDAR and radar in LEAD's frame, with its quirks."""

from __future__ import annotations

import numpy as np
import pytest

from lead_xb.demo.drive import Drive, make_drive
from lead_xb.demo.lead_sensors import LeadSensors
from lead_xb.demo.native_carla import EGO_HALF_EXTENT_M, Perturbation, ego_transforms
from lead_xb.demo.render import Painter

MIRROR = np.array([1.0, -1.0, 1.0])
LIDAR_QUIRK_M, RADAR_QUIRK_M = 1.25, 0.3


@pytest.fixture(scope="module")
def drive() -> Drive:
    return make_drive(duration_s=1.0)


@pytest.fixture(scope="module")
def sensors(drive: Drive) -> LeadSensors:
    return LeadSensors(drive, Painter(drive), ego=ego_transforms(drive.ego))


def in_world(drive: Drive, tick: int, points: np.ndarray, perturbation: Perturbation | None = None) -> np.ndarray:
    """Points of a (perturbed) actor frame in the ISO world."""
    frame = ego_transforms(drive.ego)[tick].matrix() @ (perturbation or Perturbation()).matrix()
    return np.asarray((points @ frame[:3, :3].T + frame[:3, 3]) * MIRROR)


def outside_box_m(drive: Drive, actor_id: int, tick: int, world: np.ndarray) -> np.ndarray:
    """Signed distance (largest axis) of points from the surface of an actor's box; 0 on it."""
    actor = next(actor for actor in drive.actors if actor.actor_id == actor_id)
    local = (world - actor.centre_m(tick)) @ actor.track.rotation[tick]
    return np.asarray((np.abs(local) - 0.5 * np.array(actor.size_m)).max(axis=1))


def test_lidar_points_lie_on_their_boxes_once_the_lowered_z_is_undone(drive: Drive, sensors: LeadSensors) -> None:
    cloud = sensors.sweep(10).lidar
    checked = 0
    for actor_id in np.unique(cloud.numbers[cloud.numbers > 0]).tolist():
        points = cloud.points[cloud.numbers == actor_id]
        errors = [
            np.abs(outside_box_m(drive, actor_id, 10, in_world(drive, 10, points + np.array([0.0, 0.0, quirk]))))
            for quirk in (LIDAR_QUIRK_M, RADAR_QUIRK_M)
        ]
        # A sweep contains radar points, whose z is lowered by less.
        np.testing.assert_allclose(np.minimum(*errors), 0.0, atol=1e-6)
        checked += int((errors[0] < 1e-6).sum())
    assert checked > 100


def test_lead_s_ego_filter_cuts_a_cross(sensors: LeadSensors) -> None:
    cloud = sensors.sweep(10).lidar
    radar = {tuple(point) for point in sensors.sweep(10).radar.points.tolist()}
    lidar_only = np.array([point for point in cloud.points.tolist() if tuple(point) not in radar])
    assert (np.abs(lidar_only[:, 0]) > EGO_HALF_EXTENT_M[0]).all()
    assert (np.abs(lidar_only[:, 1]) > EGO_HALF_EXTENT_M[1]).all()


@pytest.mark.parametrize("age", [1, 4])
def test_stacked_sweeps_stay_where_they_were_measured(drive: Drive, sensors: LeadSensors, age: int) -> None:
    tick = 19
    points, ages = sensors.stacked(tick)
    assert set(ages.tolist()) == set(range(10))
    measured = sensors.sweep(tick - age).lidar.points
    near = np.linalg.norm(measured, axis=1) < 25.0
    # The radar queue follows after the sweep of the same age.
    stacked = points[ages == age][: len(measured)]
    moved = in_world(drive, tick, stacked[near]) - in_world(drive, tick - age, measured[near])
    # LEAD's alignment is level and turns the shift, which costs some centimetres.
    assert np.linalg.norm(moved, axis=1).max() < 0.05 + 0.03 * age
    assert not np.allclose(stacked, measured, atol=0.2)


def test_radar_sees_standing_things_approach_at_the_speed_of_the_ego(drive: Drive, sensors: LeadSensors) -> None:
    arrays = sensors.radar_file(10, Perturbation())
    ahead = np.concatenate([arrays["radar1"], arrays["radar2"]]).astype(np.float64)
    assert len(ahead) > 20
    speed = float(drive.ego.speed_mps[10])
    assert ahead[:, 3].min() > -speed - 12.0
    behind = np.concatenate([arrays["radar3"], arrays["radar4"]]).astype(np.float64)
    assert np.median(ahead[:, 3]) < 0.0 < np.median(behind[:, 3])


@pytest.mark.parametrize("perturbation", [Perturbation(), Perturbation(0.8, -8.0)])
def test_radar_points_lie_on_boxes_in_either_rig(
    drive: Drive, sensors: LeadSensors, perturbation: Perturbation
) -> None:
    arrays = sensors.radar_file(10, perturbation)
    points = np.concatenate(list(arrays.values()))[:, :3].astype(np.float64) + np.array([0.0, 0.0, RADAR_QUIRK_M])
    world = in_world(drive, 10, points, perturbation)
    distances = np.stack([outside_box_m(drive, actor.actor_id, 10, world) for actor in drive.actors])
    on_actors = np.abs(distances).min(axis=0) < 0.05
    assert on_actors.sum() > 10


def test_the_perturbed_radar_differs(sensors: LeadSensors) -> None:
    a, b = (sensors.radar_file(10, perturbation) for perturbation in (Perturbation(), Perturbation(0.8, -8.0)))
    assert not np.array_equal(a["radar1"], b["radar1"])
