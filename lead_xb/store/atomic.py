"""Files that appear whole or not at all: write beside, flush, fsync, checksum, rename, fsync the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import google_crc32c

PARTIAL_SUFFIX = ".partial"
_BLOCK = 1 << 22


class ChecksumFile:
    """A binary file that counts and checksums (CRC32C) what is appended to it. Usable as an Arrow sink."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._crc = google_crc32c.Checksum()
        self.bytes_written = 0
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
        """Append; an OSError (disk full, I/O error) goes to the caller unchanged."""
        block = bytes(data)
        view = memoryview(block)
        while view:
            done = self._raw.write(view)
            view = view[done:]
        self._crc.update(block)
        self.bytes_written += len(block)
        return len(block)

    def flush(self) -> None:
        """Hand the buffered bytes to the operating system."""
        self._raw.flush()

    def tell(self) -> int:
        """Bytes written so far."""
        return self.bytes_written

    def close(self) -> None:
        """Arrow closes its sink; the file itself is closed by `atomic_write`."""
        self.closed = True

    def readable(self) -> bool:
        """False: this is a sink."""
        return False

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """False: a checksum runs forward only."""
        return False

    @property
    def crc32c(self) -> str:
        """Checksum of everything written, 8 hex digits."""
        return str(self._crc.hexdigest().decode())


def open_for_write(path: Path) -> IO[bytes]:
    """Open a new file; tests replace this to inject ENOSPC and EIO at the n-th write."""
    return path.open("wb", buffering=1 << 20)


@contextmanager
def atomic_write(path: Path) -> Iterator[ChecksumFile]:
    """A file that gets its name only when all of it is on disk; a killed run leaves a `.partial` at most."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{PARTIAL_SUFFIX}")
    try:
        with open_for_write(partial) as raw:
            file = ChecksumFile(raw)
            yield file
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(partial, path)
        _fsync_folder(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def crc32c_of(path: Path) -> str:
    """CRC32C of a file, 8 hex digits."""
    crc = google_crc32c.Checksum()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            crc.update(block)
    return str(crc.hexdigest().decode())


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
