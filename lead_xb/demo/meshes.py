"""Low-polygon solids: cars that show where their front is, people, cones, trees, houses, traffic lights.

Body frame: x forward, y left, z up, origin on the ground below the box centre, metres. A car fills its box exactly.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Colour = tuple[int, int, int]

GLASS: Colour = (52, 66, 82)
RUBBER: Colour = (28, 28, 30)
STEEL: Colour = (150, 152, 156)
HEADLIGHT: Colour = (255, 250, 224)
TAILLIGHT: Colour = (226, 24, 26)
SKIN: Colour = (222, 176, 142)


@dataclass(frozen=True, slots=True)
class Part:
    """A nearly convex piece; its faces are drawn in order after those turned away are dropped.

    Attributes:
        vertices: (v, 3), m.
        faces: vertex numbers of each face.
        normals, centres: (f, 3) per face, outward.
        colours: (f, 3), 0..255.
        glowing: (f,), faces that ignore the sun.
        extents: (f,), largest side of each face's bounding box, m.
    """

    vertices: Float[np.ndarray, "v 3"]
    faces: tuple[tuple[int, ...], ...]
    normals: Float[np.ndarray, "f 3"]
    centres: Float[np.ndarray, "f 3"]
    colours: Float[np.ndarray, "f 3"]
    glowing: tuple[bool, ...]
    extents: Float[np.ndarray, " f"]


class PartBuilder:
    """Collects faces; outward is away from the centre of the solid that is being added."""

    def __init__(self) -> None:
        self._points: list[Float[np.ndarray, "k 3"]] = []
        self._normals: list[Float[np.ndarray, " 3"]] = []
        self._colours: list[Colour] = []
        self._glowing: list[bool] = []

    def face(self, points: Float[np.ndarray, "k 3"], colour: Colour, *, outward: Float[np.ndarray, " 3"]) -> None:
        """One flat face whose normal points to the side of `outward`."""
        following = np.roll(points, -1, axis=0)
        normal = np.cross(points, following).sum(axis=0)
        normal /= np.linalg.norm(normal)
        self._points.append(points)
        self._normals.append(normal if normal @ outward >= 0 else -normal)
        self._colours.append(colour)
        self._glowing.append(False)

    def lamp(self, points: Float[np.ndarray, "k 3"], colour: Colour, *, outward: Float[np.ndarray, " 3"]) -> None:
        """A face that shines."""
        self.face(points, colour, outward=outward)
        self._glowing[-1] = True

    def frustum(
        self,
        lower: tuple[float, float, float, float],
        upper: tuple[float, float, float, float],
        *,
        z: tuple[float, float],
        colours: tuple[Colour, Colour],
    ) -> None:
        """A box whose lower and upper rectangles (x0, x1, y0, y1) may differ; colours of walls and top."""
        rings = [
            np.array([[r[0], r[2], h], [r[1], r[2], h], [r[1], r[3], h], [r[0], r[3], h]])
            for r, h in zip((lower, upper), z, strict=True)
        ]
        self._hull(rings[0], rings[1], colours=colours)

    def cone(self, radii: tuple[float, float], z: tuple[float, float], *, colour: Colour, sides: int = 7) -> None:
        """A round tower of `sides` walls round the z axis."""
        angle = np.arange(sides) * 2.0 * math.pi / sides
        rings = [
            np.stack([r * np.cos(angle), r * np.sin(angle), np.full(sides, h)], axis=1)
            for r, h in zip(radii, z, strict=True)
        ]
        self._hull(rings[0], rings[1], colours=(colour, colour))

    def _hull(
        self,
        bottom: Float[np.ndarray, "n 3"],
        top: Float[np.ndarray, "n 3"],
        *,
        colours: tuple[Colour, Colour],
    ) -> None:
        middle = np.concatenate([bottom, top]).mean(axis=0)
        for k in range(len(bottom)):
            after = (k + 1) % len(bottom)
            wall = np.stack([bottom[k], bottom[after], top[after], top[k]])
            self.face(wall, colours[0], outward=wall.mean(axis=0) - middle)
        self.face(top, colours[1], outward=np.array([0.0, 0.0, 1.0]))

    def build(self) -> Part:
        """The part made of all faces so far."""
        starts = np.cumsum([0, *(len(p) for p in self._points)])
        return Part(
            vertices=np.concatenate(self._points),
            faces=tuple(tuple(range(a, b)) for a, b in itertools.pairwise(starts.tolist())),
            normals=np.stack(self._normals),
            centres=np.stack([p.mean(axis=0) for p in self._points]),
            colours=np.array(self._colours, np.float64),
            glowing=tuple(self._glowing),
            extents=np.array([float(np.ptp(p, axis=0).max()) for p in self._points]),
        )


def disc(centre: tuple[float, float, float], radius: float, *, axis: str) -> Float[np.ndarray, "10 3"]:
    """A ten-sided disc normal to the x or y axis."""
    angle = np.arange(10) * 2.0 * math.pi / 10
    flat, up = radius * np.cos(angle), radius * np.sin(angle)
    zero = np.zeros(10)
    columns = (zero, flat, up) if axis == "x" else (flat, zero, up)
    return np.stack(columns, axis=1) + np.array(centre)


def panel(x: float, *, y: tuple[float, float], z: tuple[float, float]) -> Float[np.ndarray, "4 3"]:
    """An upright rectangle normal to the x axis."""
    return np.array([[x, y[0], z[0]], [x, y[1], z[0]], [x, y[1], z[1]], [x, y[0], z[1]]])


def side_panel(y: float, *, x: tuple[float, float], z: tuple[float, float]) -> Float[np.ndarray, "4 3"]:
    """An upright rectangle normal to the y axis."""
    return np.array([[x[0], y, z[0]], [x[1], y, z[0]], [x[1], y, z[1]], [x[0], y, z[1]]])


def wheels(builder: PartBuilder, *, at_x: tuple[float, ...], half_width: float, radius: float) -> None:
    """Discs on both sides, with hubs."""
    for side in (1.0, -1.0):
        outward = np.array([0.0, side, 0.0])
        for x in at_x:
            for size, colour in ((radius, RUBBER), (0.55 * radius, STEEL)):
                ring = disc((x, side * half_width, radius), size, axis="y")
                builder.face(ring, colour, outward=outward)
