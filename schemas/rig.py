"""The rig: which payload columns a scene has and how they sit on the car. Stored as JSON in the scene file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.versions import known_fields

T = TypeVar("T")
Matrix = tuple[tuple[float, ...], ...]
Crop = tuple[int, int, int, int]
"""x, y, width, height in pixels of a payload."""

CAMERA_MODELS = {
    "pinhole": ("focal", "center", "distortion"),
    "fisheye_mei": ("focal", "center", "distortion", "mirror"),
    "fisheye": ("focal", "center", "distortion", "max_angle"),
    "ftheta": ("center", "forward_poly", "backward_poly", "linear_cde", "max_angle"),
}
"""Parameters of each model, empty where the source has none.

pinhole: OpenCV's k1, k2, p1, p2, k3, then k4, k5, k6, s1, s2, s3, s4 where the source has them.
fisheye: OpenCV's k1, k2, k3, k4 of an equidistant lens.
ftheta: polynomials from angle to pixels (forward) and back, lowest power first; `linear_cde` is [[c, d], [e, 1]].
max_angle: half of the field of view, rad; what lies outside cannot be projected.
"""

ROLLING_SHUTTERS = ("top_to_bottom", "left_to_right", "bottom_to_top", "right_to_left", "global")
"""Order in which the rows or columns of an image are read; Waymo and AlpaSim count these from 1."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One camera of a rig.

    Attributes:
        name: the source's name.
        width, height: size in pixels that the model's parameters refer to; None where no image was seen.
        model: key of `CAMERA_MODELS`.
        parameters: values of the model, pixels or 1.
        ego_from_camera: 4x4, camera axes of OpenCV (x right, y down, z forward), m.
        crops: payload column -> where this camera lies in it.
        rolling_shutter: one of `ROLLING_SHUTTERS`, None where the source does not say.
    """

    name: str
    width: int | None
    height: int | None
    model: str
    parameters: Mapping[str, tuple[float, ...]]
    ego_from_camera: Matrix
    crops: Mapping[str, Crop]
    rolling_shutter: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px; SchemaError for a camera of which the source has no image."""
        if self.width is None or self.height is None:
            raise SchemaError(f"camera {self.name!r} has no image in this scene, so its size is not known")
        return self.width, self.height


@dataclass(frozen=True, kw_only=True)
class Payload:
    """How to read one image-like column.

    Attributes:
        column: `image.strip`, `semantic.strip` ...
        codec: jpeg or png.
        coding: rgb, class, instance, depth_linear, depth_inverse, or a source's own (carla_tag, carla_instance).
        classes: names of the codes of a class image.
        max_depth_m, bits: depth = code / (2^bits - 1) * max_depth_m, the code of depth_linear.
        min_depth_m: depth of the lowest code, None for 0.
        invalid_code: code of pixels without depth; the lowest code is then the next one.
        along_ray: depth is measured along the pixel's ray, not along the optical axis.
        pixel_from_ego: 2x3, (column, row) = A (x, y, 1) of a bev_map.
    """

    column: str
    codec: str
    coding: str
    classes: Mapping[str, str] = field(default_factory=dict)
    max_depth_m: float | None = None
    bits: int | None = None
    min_depth_m: float | None = None
    invalid_code: int | None = None
    along_ray: bool = False
    pixel_from_ego: Matrix | None = None


@dataclass(frozen=True, kw_only=True)
class PointSensor:
    """How to read one point column.

    Attributes:
        column: `lidar.top`, `radar.radar1` ...
        ego_from_sensor: 4x4, mirrored where the source is left-handed, with the source's known z shifts, m.
        coordinates: dtype of x, y, z.
        attributes: name -> dtype of further per-point values, sorted by name.
    """

    column: str
    ego_from_sensor: Matrix
    coordinates: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The order of a cell's fields follows from it, so it must survive JSON with sorted keys.
        object.__setattr__(self, "attributes", dict(sorted(self.attributes.items())))


@dataclass(frozen=True, kw_only=True)
class View:
    """A perturbed rig: the same car seen from a shifted and turned frame. view_from_ego is 4x4, m."""

    name: str
    view_from_ego: Matrix


@dataclass(frozen=True, kw_only=True)
class Vehicle:
    """Size of the recording car, m; `center_x_m` is the box centre in the ego frame. None: the source does not say."""

    name: str | None
    length_m: float
    width_m: float
    height_m: float
    wheel_base_m: float | None
    center_x_m: float


@dataclass(frozen=True, kw_only=True)
class Rig:
    """All sensors of a scene. `source_from_ego` takes our ego frame to the source's own vehicle frame."""

    source_from_ego: Matrix
    vehicle: Vehicle | None = None
    cameras: tuple[Camera, ...] = ()
    payloads: tuple[Payload, ...] = ()
    points: tuple[PointSensor, ...] = ()
    views: tuple[View, ...] = ()

    def camera(self, name: str) -> Camera:
        """The camera of that name; SchemaError lists what there is."""
        return _named(self.cameras, "name", name)

    def payload(self, column: str) -> Payload:
        """The payload of that column, without its `view.<name>.` prefix."""
        return _named(self.payloads, "column", _without_view(column))

    def point_sensor(self, column: str) -> PointSensor:
        """The point sensor of that column, without its `view.<name>.` prefix."""
        return _named(self.points, "column", _without_view(column))

    def view(self, name: str) -> View:
        """The view of that name."""
        return _named(self.views, "name", name)

    def columns(self) -> tuple[str, ...]:
        """Sensor columns that exist once, in rig order."""
        return tuple(p.column for p in self.payloads) + tuple(p.column for p in self.points)

    def to_json(self) -> str:
        """Canonical JSON text: sorted keys, no spaces, floats that read back to the same bits."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Rig:
        """The inverse of `to_json`; SchemaError if the text is not a rig."""
        try:
            data = json.loads(text)
            return cls(
                source_from_ego=_matrix(data["source_from_ego"]),
                vehicle=Vehicle(**known_fields(Vehicle, data["vehicle"])) if data["vehicle"] else None,
                cameras=tuple(_camera(item) for item in data["cameras"]),
                payloads=tuple(_payload(item) for item in data["payloads"]),
                points=tuple(_point_sensor(item) for item in data["points"]),
                views=tuple(View(name=v["name"], view_from_ego=_matrix(v["view_from_ego"])) for v in data["views"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SchemaError(f"the rig is not valid JSON of schema 1: {error!r}; convert the scene again") from error


def _camera(item: dict[str, Any]) -> Camera:
    model = item["model"]
    if model not in CAMERA_MODELS:
        raise SchemaError(f"camera {item['name']!r} has model {model!r}; known are {sorted(CAMERA_MODELS)}")
    shutter = item.get("rolling_shutter")
    if shutter is not None and shutter not in ROLLING_SHUTTERS:
        raise SchemaError(f"camera {item['name']!r} has rolling shutter {shutter!r}; known are {ROLLING_SHUTTERS}")
    return Camera(
        name=item["name"],
        width=item["width"],
        height=item["height"],
        model=model,
        parameters={key: tuple(value) for key, value in item["parameters"].items()},
        ego_from_camera=_matrix(item["ego_from_camera"]),
        crops={key: (int(c[0]), int(c[1]), int(c[2]), int(c[3])) for key, c in item["crops"].items()},
        rolling_shutter=shutter,
    )


def _payload(item: dict[str, Any]) -> Payload:
    grid = item.get("pixel_from_ego")
    return Payload(
        **{**known_fields(Payload, item), "pixel_from_ego": None if grid is None else tuple(tuple(row) for row in grid)}
    )


def _point_sensor(item: dict[str, Any]) -> PointSensor:
    return PointSensor(**{**known_fields(PointSensor, item), "ego_from_sensor": _matrix(item["ego_from_sensor"])})


def _matrix(rows: list[list[float]]) -> Matrix:
    if len(rows) != 4 or any(len(row) != 4 for row in rows):
        raise ValueError(f"expected a 4x4 matrix, got {rows!r}")
    return tuple(tuple(float(value) for value in row) for row in rows)


def _without_view(column: str) -> str:
    return column.split(".", 2)[2] if column.startswith("view.") else column


def _named(items: tuple[T, ...], attribute: str, name: str) -> T:
    for item in items:
        if getattr(item, attribute) == name:
            return item
    known = [getattr(item, attribute) for item in items]
    raise SchemaError(f"the rig has no {attribute} {name!r}; it has {known}")
