"""Decoding of payloads: camera images, class images, depth codes."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg
from jaxtyping import Float32, Shaped, UInt8

from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Payload


def decode_rgb(data: bytes, where: str) -> UInt8[np.ndarray, "height width 3"]:
    """JPEG or PNG bytes -> RGB. JPEG pixels equal OpenCV's and Pillow's; a damaged file is a DataError."""
    if data[:2] == b"\xff\xd8":
        try:
            return simplejpeg.decode_jpeg(data, colorspace="RGB", fastdct=False, fastupsample=False)
        except ValueError as error:
            raise DataError(
                where, f"not a readable JPEG ({error})", advice="restore the file and convert again"
            ) from error
    return cv2.cvtColor(_png(data, where, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def decode_codes(data: bytes, where: str) -> Shaped[np.ndarray, "height width"]:
    """A single-channel PNG -> its uint8 or uint16 codes, unchanged."""
    codes = _png(data, where, cv2.IMREAD_UNCHANGED)
    if codes.ndim != 2:
        raise DataError(where, f"a label image of shape {codes.shape}, expected one channel", advice="convert again")
    return codes


def decode_depth(codes: Shaped[np.ndarray, "height width"], payload: Payload) -> Float32[np.ndarray, "height width"]:
    """Depth codes -> planar depth in m: code / (2^bits - 1) * max_depth_m."""
    if payload.max_depth_m is None or payload.bits is None:
        raise DataError(payload.column, "the rig gives no depth code for it", advice="convert the scene again")
    code = (payload.coding, payload.min_depth_m or 0.0, payload.invalid_code, payload.along_ray)
    if code != ("depth_linear", 0.0, None, False):
        raise DataError(payload.column, f"its depth code {code} is kept but not decoded", advice="read `codes` instead")
    return (codes.astype(np.float64) / (2**payload.bits - 1) * payload.max_depth_m).astype(np.float32)


def _png(data: bytes, where: str, flags: int) -> Shaped[np.ndarray, "..."]:
    # OpenCV answers None to what it cannot read, and raises only for an empty buffer.
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise DataError(where, "not a readable image", advice="restore the file and convert again")
    return image
