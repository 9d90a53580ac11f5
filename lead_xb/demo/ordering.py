"""In which order solids are painted so that nearer ones cover farther ones."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from lead_xb.demo.scenery import Thing


def painting_order(things: tuple[Thing, ...], eye_m: Float[np.ndarray, " 3"]) -> list[int]:
    """Indices of `things` such that whatever stands behind another is painted before it.

    A thing is behind another if the sight line to its middle or to a corner of its footprint crosses the other's
    footprint. Sorting by distance alone fails for long houses beside small cars. Where footprints cover each other
    mutually, the farther one comes first.
    """
    if not things:
        return []
    behind = _behind(things, eye_m)
    middle = np.stack([thing.position_m for thing in things])
    waiting = np.argsort(-np.linalg.norm(middle - eye_m, axis=1), kind="stable").tolist()
    order: list[int] = []
    while waiting:
        blocked = behind[np.ix_(waiting, waiting)].any(axis=0)
        chosen = waiting.pop(int(np.argmin(blocked)))
        order.append(chosen)
    return order


def _behind(things: tuple[Thing, ...], eye_m: Float[np.ndarray, " 3"]) -> Bool[np.ndarray, "n n"]:
    """Entry (a, b) is True if thing a is behind thing b."""
    middle = np.stack([thing.position_m[:2] for thing in things])
    forward = np.stack([thing.rotation[:2, 0] for thing in things])
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    left = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
    half = 0.5 * np.array([thing.size_m[:2] for thing in things])
    signs = np.array([[0.0, 0.0], [1, 1], [1, -1], [-1, 1], [-1, -1]])
    axes = np.stack([forward, left], axis=1)
    points = middle[:, None] + np.einsum("ps,as,asx->apx", signs, half, axes)
    # Into the frame of every possible cover b: (cover, thing, point, axis).
    start = np.einsum("bsx,bx->bs", axes, eye_m[:2] - middle)[:, None, None]
    end = np.einsum("bsx,abpx->baps", axes, points[:, None] - middle[None, :, None])
    bounds = (0.97 * half)[:, None, None]
    step = end - start
    step = np.where(np.abs(step) < 1e-9, 1e-9, step)
    enter, leave = (-bounds - start) / step, (bounds - start) / step
    first = np.minimum(enter, leave).max(axis=-1)
    last = np.maximum(enter, leave).min(axis=-1)
    crossed = (first < last) & (last > 0.0) & (first < 0.999)
    result = crossed.any(axis=-1).T
    np.fill_diagonal(result, False)
    return np.asarray(result)
