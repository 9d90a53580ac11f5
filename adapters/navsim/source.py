"""NAVSIM as a source of the convert engine: the tasks of a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lead_xb.adapters.navsim.catalogue import SENSOR_BLOBS, LogFile, SyntheticFile, log_location
from lead_xb.adapters.navsim.logs import LogTask, Membership
from lead_xb.adapters.navsim.maps import MapTask, Place, known_locations, map_tasks
from lead_xb.adapters.navsim.plan import Plan
from lead_xb.adapters.navsim.sensors import LOG_ROOT_ID, Blobs, Clouds, Images, SensorOptions, Sensors
from lead_xb.adapters.navsim.synthetic import SyntheticTask
from lead_xb.store.pool import LocalPool, Pool
from lead_xb.store.tasks import Task

STORED_SHARE, STORED_FIXED_BYTES = 2, 1 << 16
"""A scene without payloads takes less than its pickle times the first plus the second (measured: 1.6 and 40 kB)."""


@dataclass(frozen=True, kw_only=True)
class NavsimSource:
    """The logs, synthetic scenes and maps of a split; a `lead_xb.store.tasks.Source`.

    Attributes:
        root: OPENSCENE_DATA_ROOT.
        maps_root: NUPLAN_MAPS_ROOT, None to do without maps.
        split: data folder, `all`, or path of a scene filter.
        folder: data folder that a filter's logs are looked for in; None for all.
        mapping_path: a two-stage mapping that says which synthetic scenes are wanted; None for those of the split.
        sensor_options: how sensor files are read.
        pool: workers that read pickles where listing the tasks takes more than their first bytes.
    """

    root: Path
    maps_root: Path | None
    split: str
    folder: str | None
    mapping_path: Path | None
    sensor_options: SensorOptions
    pool: Pool = field(default_factory=LocalPool)

    @property
    def name(self) -> str:
        """Adapter name."""
        return "navsim"

    @property
    def options(self) -> Mapping[str, Any]:
        """Options that change stored bytes; the split does not, so that a store can grow by splits."""
        sensors = self.sensor_options
        options: dict[str, Any] = {"sensors": sensors.sensors.value, "maps": self.maps_root is not None}
        if sensors.sensors is Sensors.NONE:
            return options
        options |= {"images": sensors.images.value, "lidar": sensors.lidar.value}
        if sensors.image_size is not None:
            options |= {"image_size": list(sensors.image_size), "image_quality": sensors.image_quality}
        if sensors.images is Images.REFERENCE or sensors.lidar is Clouds.REFERENCE:
            options["hash_references"] = sensors.hash_references
        return options

    @property
    def roots(self) -> Mapping[str, Path]:
        """`sensor_blobs` for logs; a two-stage folder's name for its synthetic scenes.

        Paths below `sensor_blobs` begin with the data folder: `test/<log>/CAM_F0/<hash>.jpg`.
        """
        if self.sensor_options.sensors is Sensors.NONE:
            return {}
        folders = sorted({path.parent.name for path in self.root.glob(f"*/{SENSOR_BLOBS}") if path.is_dir()})
        return {LOG_ROOT_ID: self.root / SENSOR_BLOBS, **{name: self.root / name / SENSOR_BLOBS for name in folders}}

    @property
    def requested(self) -> Mapping[str, Collection[str]]:
        """Tokens that the filter and the mapping ask for."""
        return self._plan.requested

    def require_split(self) -> None:
        """LeadXbError if `split` or `folder` names nothing that is there."""
        self._plan.require_split()

    def tasks(self) -> Sequence[Task]:
        """Maps of the cities in use, then logs, then synthetic scenes, each sorted by name."""
        plan = self._plan
        locations = {name: log_location(log.path) for name, log in plan.logs.items()}
        named = {*locations.values(), *(scene.links.location for scene in plan.synthetic if scene.links is not None)}
        maps = self._map_tasks({name for name in named if name is not None})
        ids = None if self.maps_root is None else {task.location: task.id for task in maps}
        logs = [self._log_task(log, Place(location=locations[name], maps=ids)) for name, log in plan.logs.items()]
        return [*maps, *logs, *(self._synthetic_task(scene, ids) for scene in plan.synthetic)]

    @cached_property
    def _plan(self) -> Plan:
        return Plan(
            root=self.root,
            split=self.split,
            folder=self.folder,
            mapping_path=self.mapping_path,
            pool=self.pool,
        )

    def _map_tasks(self, locations: Collection[str]) -> list[MapTask]:
        """The maps of some cities; a name that is no city is damage, which the task of its pickle reports."""
        if self.maps_root is None:
            return []
        return map_tasks(self.maps_root, sorted(known_locations(self.maps_root).intersection(locations)))

    def _log_task(self, log: LogFile, place: Place) -> LogTask:
        plan, name = self._plan, log.path.stem
        membership = Membership(folders=log.folders, mapping_path=self.mapping_path)
        if plan.filter_path is not None:
            limit = plan.filter_limit(name)
            membership = replace(membership, filter_path=plan.filter_path, filter_limit=limit)
        blobs = Blobs(root_id=LOG_ROOT_ID, root=self.root / SENSOR_BLOBS, prefix=f"{log.home}/")
        size = log.path.stat().st_size
        payloads = self._payload_bytes(blobs.root / log.home / name)
        return LogTask(
            path=log.path,
            place=place,
            folder=log.home,
            blobs=blobs,
            options=self.sensor_options,
            membership=membership,
            native_bytes=size,
            stored_bytes=size * STORED_SHARE + STORED_FIXED_BYTES + payloads,
        )

    def _synthetic_task(self, scene: SyntheticFile, maps: Mapping[str, str] | None) -> SyntheticTask:
        size = scene.path.stat().st_size
        return SyntheticTask(
            path=scene.path,
            links=scene.links,
            place=Place(location=None if scene.links is None else scene.links.location, maps=maps),
            places=tuple(self._two_stage_blobs[folder] for folder in scene.folders),
            current_splits=self._plan.labels_of(scene),
            options=self.sensor_options,
            native_bytes=size,
            stored_bytes=size * STORED_SHARE + STORED_FIXED_BYTES,
        )

    @cached_property
    def _two_stage_blobs(self) -> Mapping[str, Blobs]:
        """Sensor files of each two-stage folder; navhard comes without clouds, although its pickles name them."""
        blobs = {}
        for folder in sorted({folder for scene in self._plan.synthetic for folder in scene.folders}):
            root = self.root / folder / SENSOR_BLOBS
            asked = self.sensor_options.sensors is not Sensors.NONE and root.is_dir()
            has_lidar = not asked or next(root.rglob("*.pcd"), None) is not None
            blobs[folder] = Blobs(root_id=folder, root=root, has_lidar=has_lidar)
        return blobs

    def _payload_bytes(self, folder: Path) -> int:
        """Estimate of embedded payloads: number of files times the size of one, for each sensor of a log."""
        options = self.sensor_options
        if options.sensors is Sensors.NONE or not folder.is_dir():
            return 0
        total = 0
        for sensor in (path for path in folder.iterdir() if path.is_dir()):
            is_image = sensor.name.startswith("CAM_")
            if (options.images is Images.REFERENCE) if is_image else (options.lidar is Clouds.REFERENCE):
                continue
            files = list(sensor.iterdir())
            total += len(files) * files[0].stat().st_size if files else 0
        return total
