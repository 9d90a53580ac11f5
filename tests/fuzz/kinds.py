"""What is fuzzed: a pristine folder, a file in it to damage, and what must hold of the damaged folder."""

from __future__ import annotations

import io
import lzma
import random
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.tasks import Source

from ..store.running import run, snapshot
from .mutate import mutate
from .reading import Reader, read_store

Codec = Callable[[bytes, random.Random], bytes]
"""Damages the bytes of a file, perhaps inside what it packs."""


class Outcome(StrEnum):
    """What a damaged file led to; the last one is a failure."""

    REFUSED = "refused"
    MEMORY = "memory"
    EQUAL = "equal"
    DIFFERS = "differs"
    WRONG = "wrong"


class Kind(Protocol):
    """One kind of damage."""

    def try_one(self, rng: random.Random) -> tuple[Outcome, str]:
        """Damage, look, mend; the outcome and, for a wrong one, what happened. Other exceptions are failures too."""


@dataclass
class Damaged:
    """A file that is damaged and mended again.

    Attributes:
        files: which file may be damaged; one is drawn.
        codec: how.
    """

    files: list[Path]
    codec: Codec = mutate

    def __post_init__(self) -> None:
        self._pristine = {path: path.read_bytes() for path in self.files}

    def damage(self, rng: random.Random) -> None:
        """Damage one of the files."""
        path = rng.choice(self.files)
        path.write_bytes(self.codec(self._pristine[path], rng))

    def mend(self) -> None:
        """Make all files what they were."""
        for path, data in self._pristine.items():
            path.write_bytes(data)


@dataclass
class Stored:
    """A file of a store, opened by default or strictly; strict reading must refuse or give what was stored.

    What the default open lets pass, `check` must find.

    Attributes:
        root: the store.
        damaged: its file.
        strict: whether it is opened strictly.
    """

    root: Path
    damaged: Damaged
    strict: bool
    whole: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.whole = read_store(self.root, strict=self.strict)

    def try_one(self, rng: random.Random) -> tuple[Outcome, str]:
        """Read the damaged store."""
        found = while_damaged(lambda: read_store(self.root, strict=self.strict), self.damaged, rng)
        outcome = compare(self.whole, found)
        if outcome is Outcome.DIFFERS and self.strict:
            return Outcome.WRONG, "strict reading gave other content without an error"
        if outcome is Outcome.DIFFERS and not found.problems:
            return Outcome.WRONG, "the default open gave other content, and check found no problem"
        return outcome, ""


@dataclass
class Resumed:
    """A file of a finished store that is damaged before the conversion runs again: it is refused or becomes whole."""

    source: Source
    root: Path
    damaged: Damaged
    whole: Mapping[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.whole = snapshot(self.root)

    def try_one(self, rng: random.Random) -> tuple[Outcome, str]:
        """Convert again over the damaged store."""
        self.damaged.damage(rng)
        try:
            run(self.source, self.root)
            found = snapshot(self.root)
        except LeadXbError:
            return Outcome.REFUSED, ""
        finally:
            self._restore()
        if found == self.whole:
            return Outcome.EQUAL, ""
        differ = [name for name in {*found, *self.whole} if found.get(name) != self.whole.get(name)]
        return Outcome.WRONG, f"the conversion ended well, but {sorted(differ)} differ"

    def _restore(self) -> None:
        shutil.rmtree(self.root)
        for name, data in self.whole.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


@dataclass
class Native:
    """A native file that is damaged before it is converted. What the source itself cannot know may differ."""

    source: Callable[[], Source]
    out: Path
    damaged: Damaged
    whole: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.whole = self._convert_and_read()

    def try_one(self, rng: random.Random) -> tuple[Outcome, str]:
        """Convert the damaged source and read what came out."""
        return compare(self.whole, while_damaged(self._convert_and_read, self.damaged, rng)), ""

    def _convert_and_read(self) -> Reader:
        shutil.rmtree(self.out, ignore_errors=True)
        reader = Reader()
        report = reader.take(lambda: run(self.source(), self.out))
        if report is not None and not report.failures:
            return read_store(self.out, strict=True)
        reader.refused.append("quarantined")
        return reader


def while_damaged(read: Callable[[], Reader], damaged: Damaged, rng: random.Random) -> Reader:
    """Damage, read, mend."""
    damaged.damage(rng)
    try:
        return read()
    finally:
        damaged.mend()


def compare(whole: Reader, found: Reader) -> Outcome:
    """What was read against what whole files give."""
    if len(found.refused) > len(whole.refused):
        return Outcome.REFUSED
    return Outcome.EQUAL if found.digest == whole.digest else Outcome.DIFFERS


def head(data: bytes, rng: random.Random) -> bytes:
    """Damage in the first 64 bytes, the header of an image."""
    return mutate(data[:64], rng) + data[64:]


def inside_xz(data: bytes, rng: random.Random) -> bytes:
    """Damage inside an xz stream, whose checksum is right."""
    return lzma.compress(mutate(lzma.decompress(data), rng), preset=0)


def inside_zip(data: bytes, rng: random.Random) -> bytes:
    """Damage inside a member of a zip (or npz), whose checksum is right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    unlucky = rng.choice(sorted(members))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, mutate(member, rng) if name == unlucky else member)
    return sink.getvalue()
