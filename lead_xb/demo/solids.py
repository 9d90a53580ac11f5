"""Painting solids: faces turned towards the camera, shaded by the sun, hidden by crests of the ground."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lead_xb.demo.camera import CameraPose
from lead_xb.demo.meshes import Part
from lead_xb.demo.scenery import Thing
from lead_xb.demo.sheet import GroundDepth, Sheet, View, hazy

SUN = np.array([0.35, -0.55, 0.76]) / np.linalg.norm([0.35, -0.55, 0.76])
_MIN_FACE_PX = 1.2


def things_in_view(things: tuple[Thing, ...], view: View, *, pose: CameraPose) -> tuple[Thing, ...]:
    """Things whose surrounding sphere reaches into the field of view."""
    sizes = np.array([thing.size_m for thing in things])
    middle = np.stack([thing.position_m for thing in things]) + 0.5 * sizes[:, 2:] * np.array([0.0, 0.0, 1.0])
    radius = 0.55 * np.linalg.norm(sizes, axis=1)
    lengths = np.linalg.norm(view.planes[:, :3], axis=1)
    reach = (pose.to_camera(middle) @ view.planes[:, :3].T + view.planes[:, 3]) / lengths
    seen = (reach > -radius[:, None]).all(axis=1)
    return tuple(thing for thing, visible in zip(things, seen.tolist(), strict=True) if visible)


def paint_thing(sheet: Sheet, view: View, *, pose: CameraPose, thing: Thing, ground: GroundDepth) -> None:
    """Paint one solid over what is already there, except where a crest of the ground hides it."""
    eye = (pose.position_m - thing.position_m) @ thing.rotation
    parts = sorted(thing.parts, key=lambda part: -float(np.linalg.norm(part.centres.mean(axis=0) - eye)))
    corners = [pose.to_camera(thing.position_m + part.vertices @ thing.rotation.T) for part in parts]
    everything = np.concatenate(corners)
    hidden = ground.hides(everything)
    if hidden.all():
        return
    window = _window(view, everything)
    before = sheet.copy_of(window) if hidden.any() else None
    for part, vertices in zip(parts, corners, strict=True):
        _paint_part(sheet, view, part=part, thing=thing, pose=pose, vertices=vertices)
    if before is not None:
        nearer = ground.per_pixel[window] > 1.0 / max(float(everything[:, 2].min()) - 1.0, 1.0)
        sheet.restore(window, nearer, before=before)


def _window(view: View, vertices: Float[np.ndarray, "v 3"]) -> tuple[slice, slice]:
    """Rows and columns round a thing, 4 pixels wider than it is."""
    pixels = view.pixels(vertices)
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 4, 0)
    high = np.maximum(np.ceil(pixels.max(axis=0)).astype(int) + 5, 0)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _paint_part(
    sheet: Sheet,
    view: View,
    *,
    part: Part,
    thing: Thing,
    pose: CameraPose,
    vertices: Float[np.ndarray, "v 3"],
) -> None:
    eye = (pose.position_m - thing.position_m) @ thing.rotation
    distance = max(0.5, float(np.linalg.norm(eye)))
    inside = view.inside(vertices)
    towards = np.einsum("fi,fi->f", part.normals, part.centres - eye) < 0.0
    sunlight = 0.62 + 0.42 * np.maximum(part.normals @ (SUN @ thing.rotation), 0.0)
    light = np.where(part.glowing, 1.0, sunlight)[:, None]
    colours = hazy(np.minimum(part.colours * light, 255.0), np.full_like(light, distance))
    planes = _planes(part, thing, pose)
    scale = float(view.model.intrinsics[0, 0]) / distance
    for k in np.nonzero(towards)[0].tolist():
        face = list(part.faces[k])
        if not inside[face].any(axis=0).all() or part.extents[k] * scale < _MIN_FACE_PX:
            continue
        polygon = vertices[face] if inside[face].all() else view.clip(vertices[face])
        if len(polygon) < 3:
            continue
        sheet.add(int(thing.label), thing.number, plane=planes[k])
        sheet.fill(view.project(polygon), colours[k])


def _planes(part: Part, thing: Thing, pose: CameraPose) -> Float[np.ndarray, "f 3"]:
    """Per face the n with n . p = 1 for its points p (camera axes), so that 1 / depth = n . (x/z, y/z, 1)."""
    normals = part.normals @ (thing.rotation.T @ pose.world_from_camera)
    centres = pose.to_camera(thing.position_m + part.centres @ thing.rotation.T)
    offsets = np.einsum("fi,fi->f", normals, centres)
    # A face seen edge-on has no depth of its own; it covers no pixels either.
    return np.asarray(normals / np.where(np.abs(offsets) > 1e-9, offsets, 1e-9)[:, None])
