"""A disk that fails, or a power cut, at the n-th operation: every step of a conversion can be the last one."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from unittest import mock

SHORT = 0
"""Instead of an errno: only half of a write is taken, half of a read is given."""

KILL = -1
"""Instead of an errno: the process ends as by SIGKILL, in the middle of a write if it is one."""

KILLED = 137


@dataclass
class Disk:
    """Counts operations on files below a folder and lets one of them fail.

    Attributes:
        below: folder.
        fault: errno, `SHORT` or `KILL`.
        at: which operation fails, counted from 1; 0: none.
        lasting: whether all later ones fail as well.
        operations: what was done, as `write dataset.json.partial`.
        reads: whether opening to read and reading are operations; writing, renaming and removing always are.
        struck: operations that failed.
    """

    below: Path
    fault: int = SHORT
    at: int = 0
    lasting: bool = False
    reads: bool = False
    operations: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)

    def step(self, what: str, path: Path | str | int) -> bool:
        """Count an operation; True if a short one is wanted. Operations elsewhere are not counted."""
        place = Path(os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else path)
        if not place.is_relative_to(self.below):
            return False
        self.operations.append(f"{what} {place.name}")
        if not self.at or len(self.operations) < self.at or (len(self.operations) > self.at and not self.lasting):
            return False
        self.struck.append(self.operations[-1])
        if self.fault in (SHORT, KILL):
            return True
        raise OSError(self.fault, os.strerror(self.fault))


class _File(io.FileIO):
    """An unbuffered file whose reads and writes are operations of a disk."""

    def __init__(self, disk: Disk, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._disk = disk

    def write(self, data: Any) -> int:
        half = self._disk.step("write", str(self.name))
        done = super().write(memoryview(data)[: (len(data) + 1) // 2] if half else data)
        _die_if(half, self._disk)
        return done

    def readall(self) -> bytes:
        data = super().readall()
        return data[: len(data) // 2] if self._disk.reads and self._disk.step("read", str(self.name)) else data

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        return count // 2 if self._disk.reads and self._disk.step("read", str(self.name)) else count


def _die_if(wanted: bool, disk: Disk) -> None:
    if wanted and disk.fault == KILL:
        os._exit(KILLED)


@contextmanager
def failing(disk: Disk) -> Iterator[Disk]:
    """Route what the library does to files below `disk.below` through the disk."""
    original = Path.open

    def open_path(self: Path, mode: str = "r", buffering: int = -1, **text: Any) -> IO[Any]:
        if not self.is_relative_to(disk.below) or (mode == "rb" and not disk.reads):
            return original(self, mode, buffering, **text)
        _die_if(disk.step("open", self), disk)
        if "b" not in mode:
            return original(self, mode, buffering, **text)
        raw = _File(disk, self, mode.replace("b", ""))
        kind = io.BufferedRandom if "+" in mode else io.BufferedReader if "r" in mode else io.BufferedWriter
        return kind(raw, buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE)

    def read_bytes(self: Path) -> bytes:
        with self.open("rb") as file:
            return bytes(file.read())

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(Path, "open", open_path))
        patches.enter_context(mock.patch.object(Path, "read_bytes", read_bytes))
        for name, argument in (("fsync", 0), ("replace", 1), ("unlink", 0), ("mkdir", 0)):
            patches.enter_context(mock.patch.object(os, name, _counted(disk, name, argument)))
        yield disk


def _counted(disk: Disk, name: str, argument: int) -> Any:
    original = getattr(os, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        _die_if(disk.step(name, args[argument]), disk)
        return None if name == "fsync" else original(*args, **kwargs)  # the power stays on: tests need not wait

    return call


WRITE_FAULTS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES, "short": SHORT}
