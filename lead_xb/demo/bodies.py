"""The meshes of the demo's actors and street furniture, built from `meshes`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from lead_xb.demo.actors import Actor, Kind, Light
from lead_xb.demo.meshes import (
    GLASS,
    HEADLIGHT,
    RUBBER,
    SKIN,
    STEEL,
    TAILLIGHT,
    Colour,
    Part,
    PartBuilder,
    disc,
    panel,
    side_panel,
    wheels,
)

FORWARD, BACKWARD = np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0])
UPWARD = np.array([0.0, 0.0, 1.0])
SHADOW: Colour = (38, 39, 42)


def actor_parts(actor: Actor) -> tuple[Part, ...]:
    """The mesh of an actor; cars, trucks and cones fill their box, a cyclist and a walker stay inside it."""
    return _BUILDERS[actor.kind](actor)


def _car(actor: Actor) -> tuple[Part, ...]:
    length, width, height = actor.size_m
    a, b, paint = 0.5 * length, 0.5 * width, actor.colour
    sill, belt = 0.30 * height, 0.60 * height
    body = PartBuilder()
    body.face(_shadow(a, b), SHADOW, outward=UPWARD)
    body.frustum(
        (-0.97 * a, 0.95 * a, -b, b), (-a, a, -b, b), z=(0.14 * height, sill), colours=(_darker(paint, 0.8), paint)
    )
    body.frustum((-a, a, -b, b), (-0.97 * a, 0.92 * a, -0.96 * b, 0.96 * b), z=(sill, belt), colours=(paint, paint))
    wheels(body, at_x=(-0.60 * a, 0.62 * a), half_width=b, radius=0.22 * height)
    for side in (-1.0, 1.0):
        y = (side * 0.50 * b, side * 0.90 * b)
        body.lamp(panel(0.995 * a, y=y, z=(0.36 * height, 0.46 * height)), HEADLIGHT, outward=FORWARD)
        body.lamp(panel(-a, y=y, z=(0.38 * height, 0.52 * height)), TAILLIGHT, outward=BACKWARD)
    body.face(panel(a, y=(-0.42 * b, 0.42 * b), z=(0.24 * height, 0.40 * height)), RUBBER, outward=FORWARD)
    body.face(panel(-a, y=(-0.26 * b, 0.26 * b), z=(0.32 * height, 0.42 * height)), (236, 234, 214), outward=BACKWARD)
    cabin_low, cabin_high = (-0.86 * a, 0.42 * a, -0.93 * b, 0.93 * b), (-0.62 * a, 0.06 * a, -0.78 * b, 0.78 * b)
    body.frustum(cabin_low, cabin_high, z=(belt, height), colours=(GLASS, paint))
    return (body.build(),)


def _truck(actor: Actor) -> tuple[Part, ...]:
    length, width, height = actor.size_m
    a, b = 0.5 * length, 0.5 * width
    cab, cargo = PartBuilder(), PartBuilder()
    cargo.face(_shadow(a, b), SHADOW, outward=UPWARD)
    split = a - 0.26 * length
    cab.frustum(
        (split, a, -b, b), (split, a - 0.15, -b, b), z=(0.4, 0.78 * height), colours=(actor.colour, actor.colour)
    )
    glass = panel(a - 0.05, y=(-0.85 * b, 0.85 * b), z=(0.46 * height, 0.70 * height))
    cab.face(glass, GLASS, outward=FORWARD)
    for side in (-1.0, 1.0):
        cab.lamp(panel(a, y=(side * 0.55 * b, side * 0.9 * b), z=(0.6, 0.85)), HEADLIGHT, outward=FORWARD)
        window = side_panel(side * b, x=(split + 0.3, a - 0.4), z=(0.46 * height, 0.70 * height))
        cab.face(window, GLASS, outward=np.array([0.0, side, 0.0]))
    wheels(cab, at_x=(a - 0.9,), half_width=b, radius=0.48)
    white = (232, 232, 226)
    cargo.frustum((-a, split, -b, b), (-a, split, -b, b), z=(0.55, height), colours=(white, white))
    for side in (-1.0, 1.0):
        stripe = side_panel(side * b, x=(-a + 0.3, split - 0.3), z=(0.42 * height, 0.52 * height))
        cargo.face(stripe, actor.colour, outward=np.array([0.0, side, 0.0]))
        cargo.lamp(panel(-a, y=(side * 0.6 * b, side * 0.92 * b), z=(0.6, 0.85)), TAILLIGHT, outward=BACKWARD)
    wheels(cargo, at_x=(-a + 1.1, -a + 2.2), half_width=b, radius=0.48)
    return cab.build(), cargo.build()


def _bicycle(actor: Actor) -> tuple[Part, ...]:
    length, width, height = actor.size_m
    a, b = 0.5 * length, 0.5 * width
    bike = PartBuilder()
    radius = 0.36
    for side in (1.0, -1.0):
        outward = np.array([0.0, side, 0.0])
        for x in (a - radius, radius - a):
            bike.face(disc((x, side * 0.03, radius), radius, axis="y"), RUBBER, outward=outward)
            bike.face(disc((x, side * 0.04, radius), 0.78 * radius, axis="y"), STEEL, outward=outward)
    bike.frustum(
        (-0.5, 0.5, -0.04, 0.04), (-0.35, 0.45, -0.04, 0.04), z=(0.45, 0.75), colours=(actor.colour, actor.colour)
    )
    bike.frustum((0.36, 0.44, -b, b), (0.36, 0.44, -b, b), z=(0.95, 1.0), colours=(RUBBER, RUBBER))
    jacket = (224, 214, 60)
    bike.frustum(
        (-0.3, 0.1, -0.16, 0.16), (-0.28, 0.0, -0.14, 0.14), z=(0.5, 0.95), colours=((40, 44, 60), (40, 44, 60))
    )
    bike.frustum((-0.32, 0.0, -0.22, 0.22), (-0.1, 0.2, -0.2, 0.2), z=(0.9, 1.42), colours=(jacket, jacket))
    bike.frustum((0.0, 0.22, -0.1, 0.1), (0.0, 0.22, -0.1, 0.1), z=(1.44, height), colours=(SKIN, (200, 40, 40)))
    return (bike.build(),)


def _pedestrian(actor: Actor) -> tuple[Part, ...]:
    _, width, height = actor.size_m
    b = 0.5 * width
    trousers = (52, 58, 84)
    person = PartBuilder()
    for side in (-1.0, 1.0):
        step = 0.12 * side
        y = (min(0.05 * side, 0.5 * b * side), max(0.05 * side, 0.5 * b * side))
        person.frustum(
            (step - 0.08, step + 0.1, *y), (-0.08, 0.08, *y), z=(0.0, 0.48 * height), colours=(trousers, trousers)
        )
    shirt = actor.colour
    person.frustum(
        (-0.1, 0.1, -0.6 * b, 0.6 * b), (-0.12, 0.12, -b, b), z=(0.46 * height, 0.83 * height), colours=(shirt, shirt)
    )
    head = (-0.09, 0.11, -0.09, 0.09)
    person.frustum(head, head, z=(0.86 * height, height), colours=(SKIN, (74, 52, 38)))
    return (person.build(),)


def _cone(actor: Actor) -> tuple[Part, ...]:
    side, _, height = actor.size_m
    a = 0.5 * side
    cone = PartBuilder()
    cone.frustum((-a, a, -a, a), (-a, a, -a, a), z=(0.0, 0.06), colours=(actor.colour, actor.colour))
    white = (245, 245, 245)
    bands = ((0.06, 0.40, actor.colour), (0.40, 0.66, white), (0.66, 1.0, actor.colour))
    for low, high, colour in bands:
        radii = (0.72 * a * (1.05 - low), 0.72 * a * (1.05 - high))
        cone.cone(radii, (low * height, high * height), colour=colour)
    return (cone.build(),)


_BUILDERS: dict[Kind, Callable[[Actor], tuple[Part, ...]]] = {
    Kind.CAR: _car,
    Kind.TRUCK: _truck,
    Kind.BICYCLE: _bicycle,
    Kind.PEDESTRIAN: _pedestrian,
    Kind.CONE: _cone,
}


def traffic_light(state: Light) -> tuple[Part, ...]:
    """A post of 3.4 m whose lamps face forward (x)."""
    post = PartBuilder()
    post.frustum((-0.07, 0.07, -0.07, 0.07), (-0.07, 0.07, -0.07, 0.07), z=(0.0, 2.5), colours=(STEEL, STEEL))
    black = (30, 30, 32)
    post.frustum((-0.16, 0.16, -0.2, 0.2), (-0.16, 0.16, -0.2, 0.2), z=(2.4, 3.45), colours=(black, black))
    lit = {Light.RED: (255, 40, 36), Light.YELLOW: (255, 204, 40), Light.GREEN: (40, 240, 110)}
    for place, (light, bright) in enumerate(lit.items()):
        dim: Colour = _darker(bright, 0.22)
        lamp = disc((0.17, 0.0, 3.25 - 0.33 * place), 0.14, axis="x")
        post.lamp(lamp, bright if light is state else dim, outward=FORWARD)
    return (post.build(),)


def tree(height: float, colour: Colour) -> tuple[Part, ...]:
    """A trunk and a crown of two cones."""
    shape = PartBuilder()
    shape.cone((0.16, 0.12), (0.0, 0.45 * height), colour=(96, 70, 48), sides=5)
    shape.cone((0.10 * height, 0.30 * height), (0.30 * height, 0.52 * height), colour=_darker(colour, 0.8))
    shape.cone((0.30 * height, 0.05 * height), (0.52 * height, height), colour=colour)
    return (shape.build(),)


def house(size: tuple[float, float, float], colour: Colour) -> tuple[Part, ...]:
    """A block with rows of windows; size is length, width, height in m."""
    a, b, height = 0.5 * size[0], 0.5 * size[1], size[2]
    block = PartBuilder()
    block.frustum((-a, a, -b, b), (-a, a, -b, b), z=(-3.0, height), colours=(colour, (120, 116, 112)))
    floors = max(1, int(height // 3.2))
    for floor in range(floors):
        z = (1.0 + 3.2 * floor, 2.5 + 3.2 * floor)
        for side in (-1.0, 1.0):
            for x in np.arange(-a + 1.2, a - 1.8, 2.8).tolist():
                block.face(side_panel(side * b, x=(x, x + 1.4), z=z), GLASS, outward=np.array([0.0, side, 0.0]))
            for y in np.arange(-b + 1.2, b - 1.8, 2.8).tolist():
                block.face(panel(side * a, y=(y, y + 1.4), z=z), GLASS, outward=np.array([side, 0.0, 0.0]))
    return (block.build(),)


def _shadow(half_length: float, half_width: float) -> Float[np.ndarray, "4 3"]:
    """The dark ground below a vehicle, as large as its box."""
    a, b = half_length, half_width
    return np.array([[-a, -b, 0.02], [a, -b, 0.02], [a, b, 0.02], [-a, b, 0.02]])


def _darker(colour: Colour, factor: float) -> Colour:
    red, green, blue = (round(channel * factor) for channel in colour)
    return red, green, blue
