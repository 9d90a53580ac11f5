"""What a pickle says in its first bytes, read opcode by opcode without building anything."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lead_xb.schemas.errors import DataError

HEAD_BYTES = 1 << 14
"""Logs and synthetic scenes begin with the names that are looked for; one frame takes about 6 kB."""

_TEXT = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})
_GET = frozenset({"BINGET", "LONG_BINGET", "GET"})
_PUT = frozenset({"BINPUT", "LONG_BINPUT", "PUT"})


def peek_texts(path: Path, keys: frozenset[str]) -> dict[str, str]:
    """The first text value of each key of the dictionaries at the start of a pickle.

    A key that is not followed by text within the first `HEAD_BYTES` is left out: then the pickle has to be read.
    What is found is a hint and must be verified when the pickle is read.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from error
    found: dict[str, str] = {}
    key: str | None = None
    for text in _texts(head):
        if key is not None and text is not None:
            found.setdefault(key, text)
        key = text if key is None and text in keys and text not in found else None
        if len(found) == len(keys):
            break
    return found


def _texts(head: bytes) -> Iterator[str | None]:
    """What each opcode pushes: a text, or None for everything else."""
    memo: dict[int, str] = {}
    text: str | None = None
    memoized = 0
    for name, argument in _opcodes(head):
        if name in _PUT or name == "MEMOIZE":
            if text is not None:
                memo[memoized if name == "MEMOIZE" else int(argument)] = text
            memoized += name == "MEMOIZE"
            continue
        if name == "FRAME":
            continue
        text = argument if name in _TEXT else memo.get(int(argument)) if name in _GET else None
        yield text


def _opcodes(head: bytes) -> Iterator[tuple[str, Any]]:
    """Opcodes up to the end of the head, or to where it stops making sense."""
    try:
        for opcode, argument, _ in pickletools.genops(head):
            yield opcode.name, argument
    except (ValueError, UnicodeDecodeError):
        return
