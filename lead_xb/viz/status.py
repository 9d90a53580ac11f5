"""What the numbers of a row say: title line, legend, and a panel with speed, command and the speed over the scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from lead_xb.schemas.boxes import Category
from lead_xb.schemas.navigation import Command
from lead_xb.store.frame import Frame
from lead_xb.store.scene import Scene
from lead_xb.viz import draw
from lead_xb.viz.bev import HIGH_M, LOW_M
from lead_xb.viz.draw import BODY, QUIET, SMALL, Image, TextStyle
from lead_xb.viz.layout import TITLE_HEIGHT
from lead_xb.viz.overlay import Overlay
from lead_xb.viz.palette import (
    ACCENT,
    CATEGORY,
    FUTURE,
    GRID,
    MUTED,
    PAST,
    RADAR,
    ROUTE,
    TARGET,
    TEXT,
    TITLE_PX,
    Colour,
    height_table,
)

TITLE = TextStyle(height_px=TITLE_PX, bold=True)
_PAD = 18
_ITEM_GAP, _SWATCH_PX, _RAMP_PX, _LINE_PX = 22, 22, 64, 22

_UP = ((0.0, 0.9), (0.0, -0.9))
_ARROWS: dict[Command, tuple[tuple[float, float], ...]] = {
    Command.LEFT: ((0.35, 0.9), (0.35, 0.0), (0.2, -0.3), (-0.7, -0.3)),
    Command.RIGHT: ((-0.35, 0.9), (-0.35, 0.0), (-0.2, -0.3), (0.7, -0.3)),
    Command.STRAIGHT: _UP,
    Command.LANE_FOLLOW: _UP,
    Command.CHANGE_LANE_LEFT: ((0.4, 0.9), (0.4, 0.4), (-0.4, -0.3), (-0.4, -0.9)),
    Command.CHANGE_LANE_RIGHT: ((-0.4, 0.9), (-0.4, 0.4), (0.4, -0.3), (0.4, -0.9)),
}
"""Path of each command's arrow in a square from -1 to 1 with y down; the head follows the last piece."""


@dataclass(frozen=True, slots=True)
class LegendItem:
    """A colour and its name; `is_line` draws a stroke instead of a square."""

    name: str
    colour: Colour
    is_line: bool = False


_NAMES = {Category.TRAFFIC_LIGHT: "traffic light (coloured by state)"}


def in_words(name: str) -> str:
    """The name of an enum member as text."""
    return name.replace("_", " ").lower()


def command_text(frame: Frame) -> str | None:
    """The driving command in words; None where the source has none."""
    code = frame["navigation.command"]
    return None if code is None else in_words(Command(code).name)


def title_fields(scene: Scene, frame: Frame, view: str | None) -> list[tuple[str, str]]:
    """What the title line says of a row: (label, value) pairs; what the row does not know is left out."""
    speed, command = frame["ego.speed"], command_text(frame)
    time_s = (frame.timestamp_us - scene.frame(0).timestamp_us) * 1e-6
    fields = [
        ("row", f"{frame.scene_row} / {len(scene) - 1}"),
        ("token", frame.token),
        ("time", f"{time_s:.2f} s"),
        ("speed", "not recorded" if speed is None else f"{speed:.1f} m/s"),
        ("command", command or "not recorded"),
        ("source", scene.meta.source),
    ]
    return fields if view is None else [*fields, ("view", view)]


def draw_title(image: Image, name: str, fields: Sequence[tuple[str, str]], *, x: int, width: int) -> None:
    """Write the scene's name and the fields in one line, the fields from the right; a long name is shortened."""
    baseline = TITLE_HEIGHT - 18
    total = sum(draw.text_width(f"{label} ", QUIET) + draw.text_width(value) + _ITEM_GAP for label, value in fields)
    room = width - total
    shown = name
    while draw.text_width(shown, TITLE) > room and len(shown) > 8:
        shown = shown[: -4 if shown.endswith("...") else -1].rstrip(".") + "..."
    draw.put_text(image, shown, (x, baseline), TITLE)
    at = x + width - total + _ITEM_GAP
    for label, value in fields:
        at = draw.put_text(image, f"{label} ", (at, baseline), QUIET)
        at = draw.put_text(image, value, (at, baseline), BODY) + _ITEM_GAP


def legend_items(overlay: Overlay) -> list[LegendItem]:
    """Names and colours of what the row shows, in a fixed order."""
    present = set(overlay.boxes.category) if overlay.boxes is not None else set()
    items = [LegendItem(_NAMES.get(c, in_words(c.name)), colour) for c, colour in CATEGORY.items() if c in present]
    ways = (
        ("route", ROUTE, len(overlay.route) > 1 or bool(overlay.frame["navigation.road_blocks"])),
        ("ego future", FUTURE, len(overlay.future) > 1),
        ("ego past", PAST, len(overlay.past) > 1),
        ("target point", TARGET, len(overlay.targets) > 0),
        ("radar", RADAR, bool(overlay.radar)),
    )
    return items + [LegendItem(name, colour, is_line=True) for name, colour, shown in ways if shown]


def draw_legend(image: Image, overlay: Overlay, *, x: int, y: int, width: int) -> None:
    """Write the legend in up to two lines below `y`; LiDAR gets its scale of heights."""
    items = legend_items(overlay)
    sizes = [_SWATCH_PX + draw.text_width(item.name, SMALL) + _ITEM_GAP for item in items]
    heights = (f"lidar {LOW_M:.0f} m", f"{HIGH_M:.0f} m")
    scale_size = sum(draw.text_width(text, SMALL) for text in heights) + _RAMP_PX + 12
    left, baseline = x, y + (34 if sum(sizes) + scale_size <= width else 24)
    for item, size in zip(items, sizes, strict=True):
        if left + size > x + width:
            left, baseline = x, baseline + _LINE_PX
        _draw_swatch(image, item, left, baseline)
        draw.put_text(image, item.name, (left + _SWATCH_PX, baseline), SMALL)
        left += size
    if overlay.lidar is None:
        return
    if left + scale_size > x + width:
        left, baseline = x, baseline + _LINE_PX
    left = draw.put_text(image, heights[0], (left, baseline), SMALL) + 6
    image[baseline - 9 : baseline, left : left + _RAMP_PX] = height_table()[:: 256 // _RAMP_PX][None]
    draw.put_text(image, heights[1], (left + _RAMP_PX + 6, baseline), SMALL)


def status_panel(scene: Scene, frame: Frame, width: int, height: int) -> Image:
    """Speed, command with an arrow, place, and the speed over the scene with the row marked."""
    image = draw.blank(width, height)
    speed, command = frame["ego.speed"], frame["navigation.command"]
    big = TextStyle(height_px=54, bold=True)
    if speed is not None:
        end = draw.put_text(image, f"{speed:.1f}", (_PAD, _PAD + 44), big)
        draw.put_text(image, "m/s", (end + 8, _PAD + 44), QUIET)
    if command is not None:
        _draw_command(image, Command(command), (width - _PAD - 26.0, _PAD + 24.0), 26.0)
        text = command_text(frame) or ""
        draw.put_text(image, text, (width - _PAD - draw.text_width(text), _PAD + 78), BODY)
    facts = [text for text in (scene.meta.location, scene.meta.scenario, frame["frame.weather"]) if text]
    baseline = _PAD + 78
    for text in facts[: 1 if height < 260 else 3]:
        draw.put_text(image, text, (_PAD, baseline), QUIET)
        baseline += 24
    top = baseline
    if height - top > 80:
        _draw_speed_chart(image, scene, frame, top=top, bottom=height - _PAD)
    return image


def _draw_swatch(image: Image, item: LegendItem, x: int, baseline: int) -> None:
    if item.is_line:
        draw.lines(image, [np.array([(x, baseline - 5.0), (x + 16.0, baseline - 5.0)])], item.colour, width=3)
    else:
        corners = np.array([(x, -11.0), (x + 14.0, -11.0), (x + 14.0, 1.0), (x, 1.0)])
        draw.areas(image, [corners + np.array([0.0, baseline])], item.colour)


def _draw_command(image: Image, command: Command, centre: tuple[float, float], size: float) -> None:
    if command not in _ARROWS:
        return
    path = np.array(_ARROWS[command]) * size + centre
    draw.lines(image, [path], ACCENT, width=4)
    along = path[-1] - path[-2]
    along /= np.hypot(*along)
    across = np.array([-along[1], along[0]])
    tip, head = path[-1] + along * size * 0.3, size * 0.42
    draw.areas(
        image, [np.stack([tip, path[-1] - along * 4 + across * head, path[-1] - along * 4 - across * head])], ACCENT
    )


def _draw_speed_chart(image: Image, scene: Scene, frame: Frame, *, top: int, bottom: int) -> None:
    """Speed of the ego over the rows of the scene, the present row marked; rows without a speed leave a gap."""
    table = scene.table(["frame.timestamp_us", "ego.speed"])
    speeds = table["ego.speed"].to_numpy(zero_copy_only=False)
    times = table["frame.timestamp_us"].to_numpy(zero_copy_only=False).astype(np.float64)
    known = np.isfinite(speeds)
    span = times[-1] - times[0]
    if known.sum() < 2 or span <= 0.0:
        return
    highest = max(5.0, float(np.ceil(speeds[known].max() / 5.0)) * 5.0)
    left, right, low, high = _PAD + 24.0, float(image.shape[1] - _PAD), bottom - 4.0, top + 22.0
    draw.put_text(image, "speed over the scene, m/s", (left, high - 8.0), SMALL)
    to_x, to_y = _scale(times[0], span, left, right), _scale(0.0, highest, low, high)
    for value in (0.0, highest):
        y = float(to_y(np.array([value]))[0])
        draw.lines(image, [np.array([(left, y), (right, y)])], GRID)
        draw.put_text(image, f"{value:.0f}", (_PAD, y + 4.0), SMALL)
    path = np.column_stack([to_x(times), to_y(np.maximum(np.where(known, speeds, 0.0), 0.0))])
    pieces = [path[k : k + 2] for k in np.flatnonzero(known[:-1] & known[1:])]
    draw.lines(image, pieces, MUTED, width=2)
    now = path[frame.scene_row]
    draw.lines(image, [np.array([(now[0], low), (now[0], high)])], ACCENT)
    if known[frame.scene_row]:
        draw.disc(image, (now[0], now[1]), 4.0, TEXT)


def _scale(
    start: float, span: float, first: float, last: float
) -> Callable[[Float64[np.ndarray, " n"]], Float64[np.ndarray, " n"]]:
    return lambda values: first + (values - start) / span * (last - first)
