"""Drawing primitives on RGB images, in place: anti-aliased lines with sub-pixel ends, bands, text, tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from lead_xb.viz.palette import BACKGROUND, BODY_PX, MUTED, PANEL, SMALL_PX, TEXT, TILE, Colour

Image = UInt8[np.ndarray, "height width 3"]
Path2 = Float[np.ndarray, "_ 2"]

Place = tuple[float | int, float | int]
"""x and y in px."""

_SHIFT = 4
_FAR_PX = 1e7
"""Lines end here at the latest, which keeps sub-pixel coordinates inside 32 bits; the picture does not change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStyle:
    """How text looks: height of a line in px, colour, and whether it is bold."""

    height_px: int = BODY_PX
    colour: Colour = TEXT
    bold: bool = False

    @property
    def scale(self) -> float:
        """Font scale of OpenCV; its simplex capitals are 22 px high at scale 1."""
        return self.height_px / 30.0

    @property
    def thickness(self) -> int:
        """Stroke of OpenCV."""
        return 2 if self.bold else 1


BODY = TextStyle()
QUIET = TextStyle(colour=MUTED)
SMALL = TextStyle(height_px=SMALL_PX, colour=MUTED)


def text_width(text: str, style: TextStyle = BODY) -> int:
    """Width of a line of text, px."""
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, style.scale, style.thickness)[0][0])


def put_text(image: Image, text: str, at: Place, style: TextStyle = BODY) -> int:
    """Write one line with its baseline starting at `at` (x, y); returns the x where it ends."""
    x, y = round(at[0]), round(at[1])
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, style.scale, style.colour, style.thickness, cv2.LINE_AA)
    return x + text_width(text, style)


def put_label(image: Image, text: str, at: Place, style: TextStyle = SMALL) -> None:
    """A line of text on a dark plate whose upper left corner is `at`."""
    x, y = round(at[0]), round(at[1])
    right, below = x + text_width(text, style) + 12, y + style.height_px + 8
    plate = image[max(y, 0) : below, max(x, 0) : right]
    plate[:] = (plate * 0.3 + np.array(BACKGROUND) * 0.7).astype(np.uint8)
    put_text(image, text, (x + 6, y + style.height_px + 1), style)


def fixed_point(points: Float[np.ndarray, "*batch 2"]) -> np.ndarray:
    """Pixel coordinates as OpenCV's sub-pixel integers."""
    return np.round(np.clip(points, -_FAR_PX, _FAR_PX) * (1 << _SHIFT)).astype(np.int32)


def lines(image: Image, paths: Iterable[Path2], colour: Colour, *, width: int = 1, closed: bool = False) -> None:
    """Draw open or closed polylines given in pixels."""
    shifted = [fixed_point(path) for path in paths if len(path) > 1]
    if shifted:
        cv2.polylines(image, shifted, closed, colour, width, cv2.LINE_AA, _SHIFT)


def areas(image: Image, rings: Sequence[Path2], colour: Colour) -> None:
    """Fill polygons given in pixels; a ring inside another one is a hole."""
    if rings:
        cv2.fillPoly(image, [fixed_point(ring) for ring in rings], colour, cv2.LINE_AA, _SHIFT)


def disc(image: Image, at: Place, radius: float, colour: Colour, *, width: int = cv2.FILLED) -> None:
    """A filled circle, or its outline of the given width."""
    centre = fixed_point(np.array(at, np.float64))
    cv2.circle(
        image, (int(centre[0]), int(centre[1])), round(radius * (1 << _SHIFT)), colour, width, cv2.LINE_AA, _SHIFT
    )


def arrow(image: Image, start: Float[np.ndarray, "2"], end: Float[np.ndarray, "2"], colour: Colour) -> None:
    """A line with a head that keeps its size in pixels; nothing for an arrow shorter than its head."""
    along = end - start
    length = float(np.hypot(*along))
    head = 6.0
    if length < head:
        return
    along = along / length
    across = np.array([-along[1], along[0]])
    neck = end - along * head
    lines(image, [np.stack([start, neck])], colour, width=2)
    areas(image, [np.stack([end, neck + across * head * 0.5, neck - across * head * 0.5])], colour)


def blend(image: Image, layer: Image, part: float) -> None:
    """Mix `part` (0 to 1) of a layer of the same size into the image."""
    cv2.addWeighted(layer, part, image, 1.0 - part, 0.0, dst=image)


def tint(image: Image, mask: UInt8[np.ndarray, "height width"], colour: Colour) -> None:
    """Lay a colour over the image; the mask is its opacity, 0 to 255."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return
    part = mask[y : y + height, x : x + width, None].astype(np.float32) / 255.0
    region = image[y : y + height, x : x + width]
    region[:] = (region + part * (np.array(colour, np.float32) - region)).astype(np.uint8)


def blank(width: int, height: int, colour: Colour = PANEL) -> Image:
    """A plain image."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = colour
    return image


def missing_tile(width: int, height: int, reason: str) -> Image:
    """A grey tile that says why there is no picture."""
    tile = blank(width, height, TILE)
    put_text(tile, reason, ((width - text_width(reason, QUIET)) / 2, height / 2 + 5), QUIET)
    return tile


def paste(image: Image, tile: UInt8[np.ndarray, "rows columns 3"], at: tuple[int, int]) -> None:
    """Copy a tile to the column and row `at`; it must lie inside."""
    x, y = at
    image[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
