"""Title, legend and status say what a row knows and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.navigation import Command
from lead_xb.store.scene import Scene
from lead_xb.viz.draw import blank
from lead_xb.viz.overlay import overlay_of
from lead_xb.viz.palette import ACCENT, MUTED
from lead_xb.viz.status import draw_title, legend_items, status_panel, title_fields

MakeScene = Callable[..., Scene]
BoxAt = Callable[..., dict[str, Any]]


def command(value: Command) -> Callable[[int, dict[str, Any]], None]:
    """An edit that sets the command of every row."""
    return lambda index, row: row.update({"navigation.command": int(value)})


def test_the_title_says_row_token_time_speed_command_and_source(make_scene: MakeScene) -> None:
    scene = make_scene(edit=command(Command.CHANGE_LANE_LEFT))
    assert title_fields(scene, scene.frame(2), "shifted") == [
        ("row", "2 / 2"),
        ("token", "token-2"),
        ("time", "0.50 s"),
        ("speed", "4.0 m/s"),
        ("command", "change lane left"),
        ("source", "synthetic"),
        ("view", "shifted"),
    ]


def test_what_is_not_recorded_is_said_to_be(make_scene: MakeScene) -> None:
    scene = make_scene(edit=lambda index, row: row.update({"ego.speed": None}))
    fields = dict(title_fields(scene, scene.frame(0), None))
    assert fields["speed"] == fields["command"] == "not recorded" and "view" not in fields


def test_the_legend_names_what_the_row_shows(make_scene: MakeScene, box_at: BoxAt) -> None:
    boxes = (box_at(5.0, 0.0, category=int(Category.PEDESTRIAN)), box_at(9.0, 0.0))
    names = [item.name for item in legend_items(overlay_of(make_scene(boxes=boxes), 0))]
    assert names == ["vehicle", "pedestrian", "ego future"]


def test_a_long_name_is_shortened_and_does_not_run_into_the_fields(make_scene: MakeScene) -> None:
    fields = [("row", "2 / 2"), ("source", "synthetic")]
    short, long = blank(600, 60), blank(600, 60)
    draw_title(short, "scene", fields, x=0, width=600)
    draw_title(long, "scene" * 40, fields, x=0, width=600)
    np.testing.assert_array_equal(short[:, 430:], long[:, 430:])


def test_left_and_right_commands_have_mirrored_arrows(make_scene: MakeScene) -> None:
    def arrow(value: Command) -> float:
        scene = make_scene(edit=command(value), name=value.name)
        panel = status_panel(scene, scene.frame(0), 400, 400)[:80]
        columns = np.argwhere((panel == ACCENT).all(axis=2))[:, 1]
        return float(columns.mean())

    left, right, ahead = (arrow(c) for c in (Command.LEFT, Command.RIGHT, Command.STRAIGHT))
    assert left < ahead < right


def test_the_speed_chart_leaves_a_gap_where_no_speed_is_known(make_scene: MakeScene) -> None:
    whole = make_scene(rows=9)
    holed = make_scene(
        rows=9, edit=lambda index, row: row.update({"ego.speed": None} if 3 <= index <= 5 else {}), name="holed"
    )
    counts = [
        int((status_panel(scene, scene.frame(0), 400, 400)[150:] == MUTED).all(axis=2).sum())
        for scene in (whole, holed)
    ]
    assert 0 < counts[1] < counts[0]


def test_a_scene_without_speed_still_has_a_panel(make_scene: MakeScene) -> None:
    scene = make_scene(edit=lambda index, row: row.update({"ego.speed": None}))
    assert status_panel(scene, scene.frame(0), 300, 200).shape == (200, 300, 3)
