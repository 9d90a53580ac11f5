"""Errors that a user can act on: what was given, what was expected, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class LeadXbError(Exception):
    """A mistake in input or use. The command line prints it as one sentence and exits with code 2."""


class DataError(LeadXbError):
    """A file that cannot be read as what it should be.

    Args:
        path: the file.
        reason: what was found and what was expected.
        offset: byte offset in the file, where known.
        advice: what the user can do.
    """

    def __init__(self, path: Path | str, reason: str, *, offset: int | None = None, advice: str = "") -> None:
        place = f"{path}" if offset is None else f"{path} (byte {offset})"
        super().__init__(f"{place}: {reason}" + (f"; {advice}" if advice else ""))
        self.path = str(path)
        self.reason = reason
        self.offset = offset
        self.advice = advice

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_data_error, (type(self), self.path, self.reason, self.offset, self.advice)


class UnsafePickleError(DataError):
    """A pickle that asks for something outside the allow-list, or for more memory than a log can need."""


class SchemaError(LeadXbError):
    """An Arrow file, rig or index that does not follow the canonical schema."""


def _rebuild_data_error(kind: type[DataError], path: str, reason: str, offset: int | None, advice: str) -> DataError:
    return kind(path, reason, offset=offset, advice=advice)
