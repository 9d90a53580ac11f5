"""Meshes fill the boxes that the writers describe, and their faces look outward."""

from __future__ import annotations

import numpy as np
import pytest

from lead_xb.demo.actors import Actor, Kind, Light
from lead_xb.demo.bodies import actor_parts, house, traffic_light, tree
from lead_xb.demo.drive import make_drive
from lead_xb.demo.meshes import HEADLIGHT, TAILLIGHT, Part

DRIVE = make_drive(duration_s=0.1)


def vertices(parts: tuple[Part, ...]) -> np.ndarray:
    return np.concatenate([part.vertices for part in parts])


@pytest.mark.parametrize("actor", DRIVE.actors, ids=lambda actor: str(actor.actor_id))
def test_a_mesh_stays_inside_its_box(actor: Actor) -> None:
    points = vertices(actor_parts(actor))
    half = 0.5 * np.array(actor.size_m[:2])
    assert (np.abs(points[:, :2]) <= half + 0.02).all()
    assert points[:, 2].min() >= -0.01 and points[:, 2].max() <= actor.size_m[2] + 1e-9


@pytest.mark.parametrize("kind", [Kind.CAR, Kind.TRUCK])
def test_a_vehicle_fills_its_box(kind: Kind) -> None:
    actor = next(actor for actor in DRIVE.actors if actor.kind is kind)
    points = vertices(actor_parts(actor))
    np.testing.assert_allclose(np.ptp(points, axis=0)[:2], actor.size_m[:2], atol=0.02)
    assert points[:, 2].max() == pytest.approx(actor.size_m[2])


def test_headlights_are_in_front_and_tail_lights_behind() -> None:
    car = actor_parts(DRIVE.actors[0])[0]
    for colour, sign in ((HEADLIGHT, 1.0), (TAILLIGHT, -1.0)):
        lamps = (car.colours == np.array(colour)).all(axis=1)
        assert lamps.sum() == 2
        assert (sign * car.centres[lamps, 0] > 1.9).all()
        assert (sign * car.normals[lamps, 0] > 0.99).all()


@pytest.mark.parametrize("parts", [house((12.0, 8.0, 9.6), (200, 190, 180)), tree(6.0, (60, 120, 60))])
def test_walls_look_away_from_the_middle(parts: tuple[Part, ...]) -> None:
    for part in parts:
        flat = np.einsum("fi,fi->f", part.normals[:, :2], part.centres[:, :2])
        assert (flat > -1e-9).all()
        np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1.0)


def test_exactly_one_lamp_of_a_traffic_light_is_bright() -> None:
    for state, channel in ((Light.RED, 0), (Light.GREEN, 1)):
        part = traffic_light(state)[0]
        lamps = part.colours[np.array(part.glowing)]
        bright = lamps[lamps.max(axis=1) > 200]
        assert len(bright) == 1 and int(np.argmax(bright[0])) == channel
