"""Camera images without decoding them: encoding and size from the header; and their resizing on request."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2

from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Camera
from lead_xb.store.images import decode_rgb

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers of JPEG; the three left out mean something else (ITU T.81, table B.1)."""
ADVICE = "get the file again from its publisher"


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Encoding (`jpeg` or `png`) and size in pixels."""

    codec: str
    width: int
    height: int


def read_image_header(data: bytes, path: str) -> ImageHeader | None:
    """The header of a JPEG or PNG file; None if `data` ends before the size. The pixels are not looked at.

    Raises:
        DataError: something else than a JPEG or PNG, or one without a size.
    """
    if data.startswith(_PNG):
        header = ImageHeader("png", int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
        complete = len(data) >= 24
    elif data.startswith(_JPEG):
        frame = _jpeg_frame(data, path)
        header = ImageHeader("jpeg", int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big"))
        complete = len(frame) == 5
    else:
        raise DataError(path, f"begins with {data[:8]!r}, expected a JPEG or PNG image", advice=ADVICE)
    if complete and (header.width == 0 or header.height == 0):
        raise DataError(path, f"an image of {header.width}x{header.height} pixels", advice=ADVICE)
    return header if complete else None


def _jpeg_frame(data: bytes, path: str) -> bytes:
    """Precision, height and width (5 bytes) of the start-of-frame segment; fewer where the data ends."""
    position = len(_JPEG)
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise DataError(path, "no marker where a JPEG segment begins", offset=position, advice=ADVICE)
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker in _SIZE_MARKERS:
            return data[position + 4 : position + 9]
        if marker == 0xDA:
            raise DataError(path, "a JPEG whose pixels begin before its size", offset=position, advice=ADVICE)
        position += 2 + max(int.from_bytes(data[position + 2 : position + 4], "big"), 2)
    return b""


def resize_image(data: bytes, size: tuple[int, int], *, quality: int, where: str) -> bytes:
    """A JPEG of another size (width, height).

    Bilinear without antialiasing, because that is how LEAD shrinks NAVSIM's images before its model sees them
    (reference page `navsim`, LTFv6 section A); encoded by OpenCV. DataError if the image cannot be decoded.
    """
    image = cv2.resize(decode_rgb(data, where), size, interpolation=cv2.INTER_LINEAR)
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise DataError(where, f"OpenCV cannot encode it as a JPEG of {size[0]}x{size[1]}")
    return bytes(encoded)


def resize_camera(camera: Camera, size: tuple[int, int]) -> Camera:
    """The camera that sees the resized image: pixel centres lie at whole numbers, as OpenCV counts them."""
    width, height = camera.size
    scale_x, scale_y = size[0] / width, size[1] / height
    (fx, fy), (cx, cy) = camera.parameters["focal"], camera.parameters["center"]
    center = ((cx + 0.5) * scale_x - 0.5, (cy + 0.5) * scale_y - 0.5)
    parameters = {**camera.parameters, "focal": (fx * scale_x, fy * scale_y), "center": center}
    return replace(camera, width=size[0], height=size[1], parameters=parameters)
