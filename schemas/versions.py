"""Schema versions: a new nullable column or box field is a minor, everything else a major with a migration."""

from __future__ import annotations

from lead_xb.schemas.errors import SchemaError

MAJOR = 1
MINOR = 0
CURRENT = f"{MAJOR}.{MINOR}"


def is_older(version: str) -> bool:
    """True for a readable version with a smaller minor: columns that were added since are absent from its files."""
    return int(version.partition(".")[2]) < MINOR


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
