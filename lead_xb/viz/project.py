"""Projection of ego-frame points into the cameras of a rig.

Pixels are OpenCV's: u to the right, v down, the centre of the first pixel at (0, 0), in the size that the camera
of the rig has. The models are those of `schemas.rig.CAMERA_MODELS`:

* pinhole with OpenCV's distortion, 5, 8 or 12 coefficients (`cv2.projectPoints`);
* fisheye_mei: the point on the unit sphere, seen from a centre that lies `mirror` behind it, then k1, k2, p1, p2
  (C. Mei and P. Rives, ICRA 2007);
* fisheye: the radius is focal * (t + k1 t^3 + k2 t^5 + k3 t^7 + k4 t^9) of the angle t to the optical axis (the
  model of OpenCV's `fisheye` module);
* ftheta: the radius in the image is a polynomial of that angle, followed by the matrix [[c, d], [e, 1]]
  (reference page `alpasim`, section 4.1).

A distortion polynomial fits the image and means nothing outside it: beyond the radius at which it stops growing,
points that lie far to the side come back into the picture. `project` marks them as not valid. Rolling shutters are
not modelled: the whole image counts as taken at the time of the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64
from numpy.polynomial import Polynomial

from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.rig import Camera, Rig
from lead_xb.store.cells import Masked
from lead_xb.store.frames import invert, transform_points

NEAR_M = 0.1
"""Pinhole cameras see nothing nearer than this."""

CURVE_PIECES = 12
"""Pieces of a straight line in a camera whose model bends it."""

_TINY = 1e-12

Points3 = Float[np.ndarray, "count 3"]
Segments = Float64[np.ndarray, "count 2 3"]
Projector = Callable[[Camera, np.ndarray], Masked]


@dataclass(frozen=True, slots=True)
class Curves:
    """Segments as they look in an image.

    Attributes:
        pixels: (N, points, 2), from the start of each segment to its end.
        valid: (N, points), as of `project`.
    """

    pixels: Float64[np.ndarray, "count points 2"]
    valid: Bool[np.ndarray, "count points"]


def camera_from_ego(rig: Rig, name: str, *, view: str | None = None) -> Float64[np.ndarray, "4 4"]:
    """The map from the ego frame to a camera's axes (x right, y down, z forward), 4x4, m.

    The cameras of a perturbed view are mounted on the view's frame as those of the rig are on the ego frame.

    Raises:
        SchemaError: the rig has no such camera or view.
    """
    matrix = invert(np.array(rig.camera(name).ego_from_camera, np.float64))
    return matrix if view is None else matrix @ np.array(rig.view(view).view_from_ego, np.float64)


def project(camera: Camera, points: Points3) -> Masked:
    """Points in the camera's axes (N, 3), m -> pixels (N, 2), valid where the camera model holds.

    Valid says that the point lies before the camera and in the range of its model, not that it lies in the image.

    Raises:
        SchemaError: the model is unknown or its parameters are not those of the schema.
    """
    if camera.model not in _PROJECTORS:
        raise SchemaError(
            f"camera {camera.name!r} has model {camera.model!r}, which cannot be projected; known are "
            f"{sorted(_PROJECTORS)}"
        )
    return _PROJECTORS[camera.model](camera, np.asarray(points, np.float64))


def project_segments(camera: Camera, segments: Segments) -> Curves:
    """Straight segments in the camera's axes (N, 2, 3), m -> curves in the image.

    Segments are cut at the near plane before they are projected, so that a box beside the camera keeps the part
    that lies before it. Models that bend straight lines get `CURVE_PIECES` pieces, the others one.
    """
    if camera.model == "pinhole":
        segments, ahead = _clip_near(segments)
    else:
        ahead = np.ones(len(segments), bool)
    pieces = CURVE_PIECES if _bends_lines(camera) else 1
    part = np.linspace(0.0, 1.0, pieces + 1)[None, :, None]
    points = segments[:, :1] * (1.0 - part) + segments[:, 1:] * part
    flat = project(camera, points.reshape(-1, 3))
    valid = flat.valid.reshape(len(segments), pieces + 1) & ahead[:, None]
    return Curves(flat.value.reshape(len(segments), pieces + 1, 2), valid)


def in_camera(matrix: Float64[np.ndarray, "4 4"], points: Float[np.ndarray, "*batch 3"]) -> Float64[np.ndarray, "..."]:
    """Ego-frame points (..., 3), m -> the camera's axes, with the matrix of `camera_from_ego`."""
    return transform_points(matrix, points)


def _clip_near(segments: Segments) -> tuple[Segments, Bool[np.ndarray, " count"]]:
    """The part of each segment with z >= NEAR_M, and whether there is one."""
    depth = segments[:, :, 2]
    ahead = np.any(depth >= NEAR_M, axis=1)
    crosses = ahead & np.any(depth < NEAR_M, axis=1)
    if not crosses.any():
        return segments, ahead
    start, end = segments[crosses, 0], segments[crosses, 1]
    part = (NEAR_M - start[:, 2]) / (end[:, 2] - start[:, 2])
    cut = start + part[:, None] * (end - start)
    clipped = segments.copy()
    clipped[crosses, (depth[crosses, 1] < NEAR_M).astype(int)] = cut
    return clipped, ahead


def _bends_lines(camera: Camera) -> bool:
    return camera.model != "pinhole" or any(camera.parameters["distortion"])


def _project_pinhole(camera: Camera, points: Float64[np.ndarray, "count 3"]) -> Masked:
    distortion = _parameter(camera, "distortion", (0, 5, 8, 12))
    before = points[:, 2] >= NEAR_M - 1e-9
    safe = np.where(before[:, None], points, np.array([0.0, 0.0, 1.0]))
    normalised = safe[:, :2] / safe[:, 2:]
    return _to_pixels(camera, normalised, distortion, valid=before)


def _project_mei(camera: Camera, points: Float64[np.ndarray, "count 3"]) -> Masked:
    (mirror,) = _parameter(camera, "mirror", (1,))
    distortion = _parameter(camera, "distortion", (0, 4))
    norm = np.linalg.norm(points, axis=1, keepdims=True)
    sphere = points / np.maximum(norm, _TINY)
    # Rays beyond this angle meet the image plane a second time.
    visible = (norm[:, 0] > 0.0) & (sphere[:, 2] > (-1.0 / mirror if mirror > 1.0 else -mirror))
    safe = np.where(visible[:, None], sphere, np.array([0.0, 0.0, 1.0]))
    normalised = safe[:, :2] / (safe[:, 2:] + mirror)
    return _to_pixels(camera, normalised, distortion, valid=visible)


def _project_fisheye(camera: Camera, points: Float64[np.ndarray, "count 3"]) -> Masked:
    k1, k2, k3, k4 = _parameter(camera, "distortion", (0, 4)) or (0.0,) * 4
    focal = np.array(_parameter(camera, "focal", (2,)))
    polynomial = (0.0, 1.0, 0.0, k1, 0.0, k2, 0.0, k3, 0.0, k4)
    offset, valid = _radial(camera, points, polynomial)
    return Masked(offset * focal + np.array(_parameter(camera, "center", (2,))), valid)


def _project_ftheta(camera: Camera, points: Float64[np.ndarray, "count 3"]) -> Masked:
    forward = camera.parameters["forward_poly"]
    if len(forward) < 2:
        raise SchemaError(f"camera {camera.name!r} has no forward_poly (angle to pixels), so nothing can be projected")
    c, d, e = _parameter(camera, "linear_cde", (0, 3)) or (1.0, 0.0, 0.0)
    offset, valid = _radial(camera, points, tuple(float(value) for value in forward))
    return Masked(offset @ np.array([[c, d], [e, 1.0]]).T + np.array(_parameter(camera, "center", (2,))), valid)


_PROJECTORS: dict[str, Projector] = {
    "pinhole": _project_pinhole,
    "fisheye_mei": _project_mei,
    "fisheye": _project_fisheye,
    "ftheta": _project_ftheta,
}


def _radial(
    camera: Camera, points: Float64[np.ndarray, "count 3"], polynomial: tuple[float, ...]
) -> tuple[Float64[np.ndarray, "count 2"], Bool[np.ndarray, " count"]]:
    """Offset from the centre of a lens whose radius is a polynomial of the angle to the axis, and where it holds."""
    side = np.linalg.norm(points[:, :2], axis=1)
    angle = np.arctan2(side, points[:, 2])
    radius = np.polynomial.polynomial.polyval(angle, np.array(polynomial))
    offset = points[:, :2] * (radius / np.maximum(side, _TINY))[:, None]
    turning = _first_positive_root(tuple(k * value for k, value in enumerate(polynomial))[1:])
    widest = min([turning, *camera.parameters.get("max_angle", ())])
    return offset, (side + np.abs(points[:, 2]) > 0.0) & (angle < widest)


def _to_pixels(
    camera: Camera, normalised: Float64[np.ndarray, "count 2"], distortion: tuple[float, ...], *, valid: np.ndarray
) -> Masked:
    """OpenCV's distortion and the camera matrix; not valid where the radial part folds back."""
    radius2 = np.sum(normalised**2, axis=1)
    valid = valid & (radius2 < _turning_radius2(distortion))
    (fx, fy), (cx, cy) = _parameter(camera, "focal", (2,)), _parameter(camera, "center", (2,))
    if not len(normalised):
        return Masked(np.zeros((0, 2)), valid)
    rays = np.concatenate([np.where(valid[:, None], normalised, 0.0), np.ones((len(normalised), 1))], axis=1)
    matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    pixels, _ = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), matrix, np.array(distortion or (0.0,) * 4))
    return Masked(np.asarray(pixels, np.float64).reshape(-1, 2), valid)


@lru_cache(maxsize=256)
def _turning_radius2(distortion: tuple[float, ...]) -> float:
    """Square of the undistorted radius up to which the distorted one grows; tangential and prism terms are small.

    With s = r^2 the radial factor is N(s) / D(s), and the derivative of r N / D has the sign of
    N D + 2 s (N' D - N D').
    """
    k1, k2, _, _, k3, k4, k5, k6 = (*distortion, *(0.0,) * 8)[:8]
    factor, divisor = Polynomial([1.0, k1, k2, k3]), Polynomial([1.0, k4, k5, k6])
    growth = factor * divisor + Polynomial([0.0, 2.0]) * (factor.deriv() * divisor - factor * divisor.deriv())
    return min(_first_positive_root(tuple(growth.coef)), _first_positive_root(tuple(divisor.coef)))


@lru_cache(maxsize=256)
def _first_positive_root(coefficients: tuple[float, ...]) -> float:
    """Smallest positive real root of a polynomial (coefficients from the constant on); infinity if there is none."""
    roots = Polynomial(np.trim_zeros(np.array(coefficients), "b")).roots()
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0.0)]
    return float(real.min()) if len(real) else float("inf")


def _parameter(camera: Camera, name: str, lengths: Sequence[int]) -> tuple[float, ...]:
    values = camera.parameters[name]
    if len(values) not in lengths:
        raise SchemaError(
            f"camera {camera.name!r} ({camera.model}) has {len(values)} values of {name!r}; expected "
            f"{' or '.join(str(n) for n in lengths)}"
        )
    return values
