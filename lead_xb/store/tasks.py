"""What the convert engine asks of an adapter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lead_xb.store.scene import Scene
from lead_xb.store.writer import Written


@runtime_checkable
class Task(Protocol):
    """One scene or one map to write. Tasks are sent to worker processes, so they are small and picklable."""

    @property
    def kind(self) -> str:
        """`scene` or `map`."""

    @property
    def id(self) -> str:
        """scene_id or map_id: file name in the store, unique."""

    @property
    def native_bytes(self) -> int:
        """Size of the native files: what progress counts, and what tells that a source has changed."""

    @property
    def stored_bytes(self) -> int:
        """Generous estimate of the file to be written, for the disk check."""

    def write(self, path: Path) -> Written:
        """Read the native files and write the canonical one. DataError if they are damaged."""

    def splits(self, scene: Scene) -> list[list[str]]:
        """Splits of each row of the written scene; not called for maps."""


@runtime_checkable
class Source(Protocol):
    """A native data set as the user named it. Listing tasks must not read more than it has to."""

    @property
    def name(self) -> str:
        """Adapter name: `carla`, `navsim` ..."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Options that change stored bytes (`images=`, `sensors=` ...); a store keeps one set of them."""

    @property
    def roots(self) -> Mapping[str, Path]:
        """root_id -> folder that stored references are relative to."""

    @property
    def requested(self) -> Mapping[str, Collection[str]]:
        """Split -> tokens that must end up in the index with that split; what is missing is reported."""

    def tasks(self) -> Sequence[Task]:
        """All scenes and maps. LeadXbError if a named folder or file is missing or nothing is found."""
