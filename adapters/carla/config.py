"""Options of `lead-xb convert dataset=carla`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lead_xb.adapters.carla.logs import ConvertOptions, RouteTask
from lead_xb.adapters.carla.routes import base_of, find_routes
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.tasks import Task

REACHES_M = tuple(3.0 + 0.25 * step for step in range(29))
"""Distances for which LEAD records the sparse route, m (page `lead-expert-logs`, section 5.1)."""


@dataclass(frozen=True, kw_only=True)
class CarlaConfig:
    """CARLA expert logs in LEAD's folder format.

    Attributes:
        source: a LEAD data root, its `data` folder, one route, a folder of route zips, or one zip.
        images: `keep` embeds the image bytes, `reference` points to the user's files.
        reach_m: the sparse route that becomes `navigation.target_points`; LEAD trains with 3.25.
        hash_references: keep the SHA-256 of referenced bytes.
    """

    source: Path
    images: str = "keep"
    reach_m: float = 3.25
    hash_references: bool = True

    def build(self) -> CarlaSource:
        """Check the options and list the routes later on demand."""
        if self.images not in ("keep", "reference"):
            raise LeadXbError(f"images={self.images}; dataset=carla takes keep or reference")
        if self.reach_m not in REACHES_M:
            raise LeadXbError(f"reach_m={self.reach_m}; LEAD records 3.0, 3.25, ... 10.0")
        if not self.source.exists():
            raise LeadXbError(f"source={self.source} does not exist; give the folder that holds LEAD's data/")
        return CarlaSource(self)


@dataclass(frozen=True)
class CarlaSource:
    """The routes below a source folder; a `lead_xb.store.tasks.Source`."""

    config: CarlaConfig

    @property
    def name(self) -> str:
        """Adapter name."""
        return "carla"

    @property
    def options(self) -> Mapping[str, Any]:
        """Options that change stored bytes."""
        config = self.config
        options: dict[str, Any] = {"images": config.images, "reach_m": config.reach_m}
        return {**options, "hash_references": config.hash_references} if config.images == "reference" else options

    @property
    def roots(self) -> Mapping[str, Path]:
        """References are relative to the source as it was given."""
        return {"source": base_of(self.config.source)} if self.config.images == "reference" else {}

    @property
    def requested(self) -> Mapping[str, Collection[str]]:
        """LEAD has no token lists."""
        return {}

    def tasks(self) -> Sequence[Task]:
        """One task a route."""
        options = ConvertOptions(
            reach_m=self.config.reach_m,
            reference_images=self.config.images == "reference",
            hash_references=self.config.hash_references,
        )
        return [RouteTask(route, options) for route in find_routes(self.config.source)]
