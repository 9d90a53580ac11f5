"""Bytes that lie in the store or, by reference, in the user's own files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lead_xb.schemas.errors import DataError, LeadXbError

Roots = Mapping[str, Path]
"""root_id -> folder of the user's native files."""


def reference_to(
    root_id: str, relative_path: str, *, data: bytes | None, length: int, offset: int = 0
) -> dict[str, Any]:
    """A reference cell; with `data` its SHA-256 is kept too."""
    return {
        "root_id": root_id,
        "relative_path": relative_path,
        "offset": offset,
        "length": length,
        "sha256": None if data is None else hashlib.sha256(data).digest(),
    }


def resolve(reference: Mapping[str, Any], roots: Roots) -> Path:
    """The file that a reference names; refuses paths that leave their root."""
    root_id, relative = reference["root_id"], PurePosixPath(reference["relative_path"])
    if relative.is_absolute() or ".." in relative.parts:
        raise DataError(str(relative), "a reference must stay below its root", advice="convert the scene again")
    if root_id not in roots:
        raise LeadXbError(
            f"payload root {root_id!r} is not known to this store; give its folder as roots.{root_id}=PATH"
        )
    return roots[root_id] / relative


def read_reference(reference: Mapping[str, Any], roots: Roots, *, verify: bool) -> bytes:
    """The referenced bytes; with `verify` their SHA-256 must match where it was kept.

    Raises:
        DataError: the file is missing, shorter than recorded, or not the file that was converted.
    """
    path = resolve(reference, roots)
    advice = f"give the folder that holds it as roots.{reference['root_id']}=PATH"
    start, length = reference["offset"], reference["length"]
    try:
        with path.open("rb") as file:
            # The size comes first: a damaged length must not become an allocation.
            size = os.fstat(file.fileno()).st_size
            if start < 0 or length < 0 or start + length > size:
                reason = f"has {size} bytes where {length} from byte {start} on were recorded"
                raise DataError(path, reason, advice=advice)
            file.seek(start)
            data = file.read(length)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(path, f"the referenced file cannot be read ({reason})", advice=advice) from error
    if len(data) != length:
        raise DataError(path, f"has {len(data)} bytes where {length} were recorded", advice=advice)
    if verify and reference["sha256"] is not None and hashlib.sha256(data).digest() != reference["sha256"]:
        raise DataError(path, "its SHA-256 differs from the one recorded at conversion", advice="convert again")
    return data


def payload_bytes(cell: Mapping[str, Any], roots: Roots, *, verify: bool = False) -> bytes:
    """Bytes of an image-like cell, wherever they lie."""
    if cell["bytes"] is not None:
        return bytes(cell["bytes"])
    if cell["reference"] is None:
        raise DataError("scene", "a payload cell holds neither bytes nor a reference", advice="convert the scene again")
    return read_reference(cell["reference"], roots, verify=verify)
