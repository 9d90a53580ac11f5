"""Encoding and size are read from the header of an image, without decoding it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lead_xb.adapters.navsim.images import ImageHeader, read_image_header
from lead_xb.schemas.errors import DataError

from .helpers import jpeg


def test_the_size_of_a_jpeg_is_read() -> None:
    assert read_image_header(jpeg((64, 48)), "a.jpg") == ImageHeader("jpeg", 64, 48)


def test_the_size_of_a_png_is_read() -> None:
    data = bytes(cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1])
    assert read_image_header(data, "a.png") == ImageHeader("png", 64, 48)


def test_progressive_jpegs_and_fill_bytes_are_understood() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    progressive = bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1])
    assert read_image_header(progressive, "a.jpg") == ImageHeader("jpeg", 64, 48)
    padded = jpeg()[:2] + b"\xff\xff" + jpeg()[2:]
    assert read_image_header(padded, "a.jpg") == ImageHeader("jpeg", 64, 48)


def test_a_long_comment_before_the_size_is_skipped() -> None:
    comment = b"\xff\xfe\xff\xff" + b"x" * 65_533
    data = jpeg()[:2] + comment + jpeg()[2:]
    assert read_image_header(data, "a.jpg") == ImageHeader("jpeg", 64, 48)
    assert read_image_header(data[: 1 << 16], "a.jpg") is None


def test_a_header_that_is_cut_gives_no_size() -> None:
    assert read_image_header(jpeg()[:20], "a.jpg") is None
    assert read_image_header(b"\x89PNG\r\n\x1a\n\0\0", "a.png") is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GIF89a" + b"\0" * 20, "begins with b'GIF89a"),
        (b"\xff\xd8\x00\x00\x00\x00\x00\x00", "no marker where a JPEG segment begins"),
        (b"\xff\xd8\xff\xda\x00\x04\x00\x00", "pixels begin before its size"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x40", "an image of 64x0 pixels"),
    ],
)
def test_other_bytes_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_image_header(data, "a.jpg")
