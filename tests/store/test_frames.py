"""Coordinate frames: facts worked out by hand, round trips, and the proof that a wrong sign cannot pass."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_xb.store import frames
from lead_xb.store.frames import CARLA, ISO, NUPLAN, WAYMO, Convention

from .frame_facts import FACTS, check_all

CONVENTIONS = {"carla": CARLA, "iso": ISO, "nuplan": NUPLAN, "waymo": WAYMO}
metres = st.floats(-1e4, 1e4, allow_nan=False)
angles = st.floats(-180.0, 180.0, allow_nan=False)
conventions = st.sampled_from(list(CONVENTIONS.values()))


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_facts_hold(fact: Callable[[ModuleType], None]) -> None:
    fact(frames)


@given(st.lists(st.tuples(metres, metres, metres), min_size=1, max_size=4), conventions, conventions)
def test_points_survive_a_trip_through_any_two_conventions(
    points: list[tuple[float, float, float]], first: Convention, second: Convention
) -> None:
    ego = np.array(points)
    there = frames.points_to_ego(frames.points_from_ego(ego, first), first)
    and_on = frames.points_to_ego(frames.points_from_ego(there, second), second)
    np.testing.assert_allclose(and_on, ego, rtol=0.0, atol=1e-9)


@given(metres, metres, metres, angles, angles, angles, conventions)
def test_poses_survive_the_round_trip(
    x: float, y: float, z: float, roll: float, pitch: float, yaw: float, convention: Convention
) -> None:
    native = frames.carla_matrix(np.array([x, y, z]), roll_deg=roll, pitch_deg=pitch, yaw_deg=yaw)
    pose = frames.ego_pose_from(native, convention)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
    np.testing.assert_allclose(frames.ego_pose_to(pose, convention), native, rtol=0.0, atol=1e-9)


@given(metres, metres, angles, angles, angles)
def test_a_point_stays_where_it_is_in_the_world(x: float, y: float, roll: float, pitch: float, yaw: float) -> None:
    world_from_actor = frames.carla_matrix(np.array([x, y, 5.0]), roll_deg=roll, pitch_deg=pitch, yaw_deg=yaw)
    in_actor = np.array([12.0, -3.0, 1.0])
    in_world = frames.mirror(frames.transform_points(world_from_actor, in_actor), CARLA)
    pose = frames.ego_pose_from(world_from_actor, CARLA)
    through_ego = frames.transform_points(pose, frames.points_to_ego(in_actor, CARLA))
    np.testing.assert_allclose(through_ego, in_world, rtol=0.0, atol=1e-9)


@given(angles, angles, angles)
def test_quaternions_survive_the_round_trip(roll: float, pitch: float, yaw: float) -> None:
    matrix = frames.carla_matrix(np.zeros(3), roll_deg=roll, pitch_deg=pitch, yaw_deg=yaw)
    np.testing.assert_allclose(frames.pose_to_matrix(frames.matrix_to_pose(matrix)), matrix, rtol=0.0, atol=1e-9)


def sign_mutations() -> Iterator[tuple[str, str]]:
    """Every variant of frames.py in which one sign is wrong: a minus dropped, + and - swapped, or 1.0 negated."""
    tree = ast.parse(Path(frames.__file__).read_text())
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield _mutated(number, node.lineno, lambda n: setattr(n, "op", ast.UAdd()))
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
            swapped = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield _mutated(number, node.lineno, partial(_set_operator, swapped))
        elif isinstance(node, ast.Attribute) and node.attr == "sign":
            yield _mutated(number, node.lineno, lambda n: setattr(n, "attr", "wrong_sign"))


def _set_operator(operator: ast.operator, node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp | ast.AugAssign)
    node.op = operator


def _mutated(number: int, line: int, change: Callable[[ast.AST], None]) -> tuple[str, str]:
    tree = ast.parse(Path(frames.__file__).read_text())
    change(next(node for i, node in enumerate(ast.walk(tree)) if i == number))
    text = ast.unparse(ast.fix_missing_locations(tree))
    marker = "    @property\n    def sign"
    assert marker in text
    wrong = "    @property\n    def wrong_sign(self):\n        return -self.sign\n\n"
    return f"line {line}", text.replace(marker, wrong + marker, 1)


def _load(name: str, text: str, folder: Path) -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


def test_every_single_wrong_sign_breaks_a_fact(tmp_path: Path) -> None:
    mutations = list(sign_mutations())
    assert len(mutations) > 20
    survivors = []
    for number, (place, text) in enumerate(mutations):
        module = _load(f"mutated_{number}", text, tmp_path)
        try:
            check_all(module)
        except (AssertionError, ValueError):
            continue
        survivors.append(place)
    assert survivors == []
