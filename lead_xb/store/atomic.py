"""Files that appear whole or not at all: write beside, flush, fsync, checksum, rename, fsync the folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import google_crc32c
import pyarrow as pa

from lead_xb.schemas.errors import LeadXbError

PARTIAL_SUFFIX = ".partial"
_BLOCK = 1 << 22


class WriteError(LeadXbError):
    """A file of a store cannot be written: disk full, I/O error, no permission. It ends a run; the next goes on."""

    @classmethod
    def of(cls, path: Path, error: OSError) -> WriteError:
        """What happened to which file, in a sentence."""
        reason = error.strerror or str(error)
        return cls(f"{path}: cannot be written ({reason}); make room or mend the disk, then run the same command again")


class ChecksumFile:
    """A binary file that counts and checksums (CRC32C) what is appended to it. Usable as an Arrow sink."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._crc = google_crc32c.Checksum()
        self.bytes_written = 0
        self.closed = False

    def write(self, data: bytes | memoryview | pa.Buffer) -> int:
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
    """A file that gets its name only when all of it is on disk; a killed run leaves a `.partial` at most.

    Raises:
        WriteError: the operating system refuses.
    """
    partial = path.with_name(f"{path.name}{PARTIAL_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_for_write(partial) as raw:
            file = ChecksumFile(raw)
            yield file
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(partial, path)
        fsync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise WriteError.of(path, error) from error
        raise


def crc32c_of(path: Path) -> str:
    """CRC32C of a file, 8 hex digits."""
    crc = google_crc32c.Checksum()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            crc.update(block)
    return str(crc.hexdigest().decode())


def seal_of(values: Mapping[str, Any]) -> str:
    """CRC32C of the canonical JSON of a record, 8 hex digits: what a JSON file keeps beside its values."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return str(google_crc32c.Checksum(text.encode()).hexdigest().decode())


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
