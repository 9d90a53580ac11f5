"""Schema versions: a new nullable column or box field is a minor, everything else a major with a migration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lead_xb.schemas.errors import SchemaError

MAJOR = 1
MINOR = 0
CURRENT = f"{MAJOR}.{MINOR}"


def is_older(version: str) -> bool:
    """True for a readable version with a smaller minor: columns that were added since are absent from its files."""
    return int(version.partition(".")[2]) < MINOR


def known_fields(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a JSON object that a dataclass has.

    Fields that a later minor added are unknown here and left out; fields that came after the file's minor are absent
    and take their default. A field without a default that is absent makes the dataclass raise TypeError.
    """
    return {field.name: data[field.name] for field in dataclasses.fields(kind) if field.name in data}


def require_readable(version: str, where: str) -> None:
    """Refuse what this code cannot read: another major, or text that is no version."""
    major, _, minor = version.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise SchemaError(f"{where}: schema version {version!r} is not major.minor; the file is damaged")
    if int(major) != MAJOR:
        raise SchemaError(
            f"{where}: schema version {version} cannot be read by this lead_xb, which reads {MAJOR}.x; "
            "install the lead_xb that wrote it, or convert again"
        )
