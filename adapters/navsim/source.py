"""NAVSIM as a source of the convert engine: which tasks a split means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lead_xb.adapters.navsim.catalogue import (
    SENSOR_BLOBS,
    LogFile,
    SyntheticFile,
    data_folders,
    find_logs,
    find_synthetic,
    log_location,
)
from lead_xb.adapters.navsim.filters import FILTER_SUFFIXES, SceneFilter, read_filter, read_mapping
from lead_xb.adapters.navsim.logs import LogTask, Membership, read_log
from lead_xb.adapters.navsim.maps import map_tasks
from lead_xb.adapters.navsim.sensors import LOG_ROOT_ID, Blobs, Clouds, Images, SensorOptions, Sensors
from lead_xb.adapters.navsim.synthetic import SyntheticTask
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.tasks import Task

ALL = "all"
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
    """

    root: Path
    maps_root: Path | None
    split: str
    folder: str | None
    mapping_path: Path | None
    sensor_options: SensorOptions

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
        """Tokens that a filter or mapping asks for."""
        return {}

    def tasks(self) -> Sequence[Task]:
        """Maps of the cities in use, then logs, then synthetic scenes, each sorted by name."""
        plan = _Plan(self)
        logs, synthetic = plan.logs, plan.synthetic
        locations = {name: log_location(log.path) for name, log in logs.items()}
        cities = {*locations.values(), *(scene.links.location for scene in synthetic)}
        maps = map_tasks(self.maps_root, sorted(cities)) if self.maps_root is not None else []
        ids = {task.location: task.id for task in maps}
        scenes = [self._log_task(log, locations[name], ids, plan) for name, log in logs.items()]
        return [*maps, *scenes, *(self._synthetic_task(scene, ids, plan) for scene in synthetic)]

    def _log_task(self, log: LogFile, location: str, maps: Mapping[str, str], plan: _Plan) -> LogTask:
        membership = Membership(folders=log.folders, mapping_path=self.mapping_path)
        if plan.filter_path is not None:
            limit = plan.selection.limits.get(log.path.stem)
            membership = replace(membership, filter_path=plan.filter_path, filter_limit=limit)
        blobs = Blobs(root_id=LOG_ROOT_ID, root=self.root / SENSOR_BLOBS, prefix=f"{log.folders[0]}/")
        size = log.path.stat().st_size
        return LogTask(
            path=log.path,
            location=location,
            map_id=maps.get(location),
            blobs=blobs,
            options=self.sensor_options,
            membership=membership,
            native_bytes=size,
            stored_bytes=size * STORED_SHARE
            + STORED_FIXED_BYTES
            + self._payload_bytes(blobs.root / log.folders[0] / log.path.stem),
        )

    def _synthetic_task(self, scene: SyntheticFile, maps: Mapping[str, str], plan: _Plan) -> SyntheticTask:
        size = scene.path.stat().st_size
        blobs = Blobs(root_id=scene.folder, root=self.root / scene.folder / SENSOR_BLOBS)
        return SyntheticTask(
            path=scene.path,
            links=scene.links,
            folder=scene.folder,
            current_splits=plan.splits_of(scene),
            map_id=maps.get(scene.links.location),
            blobs=blobs,
            options=self.sensor_options,
            native_bytes=size,
            stored_bytes=size * STORED_SHARE + STORED_FIXED_BYTES,
        )

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


@dataclass(frozen=True, slots=True)
class _Selection:
    """Logs by name, and how many scenes a filter with a maximum takes from each of them."""

    logs: Mapping[str, LogFile]
    limits: Mapping[str, int] = field(default_factory=dict)


class _Plan:
    """What a split means for a source, worked out once."""

    def __init__(self, source: NavsimSource) -> None:
        self._source = source
        self._folders = data_folders(source.root)
        for path in (self.filter_path, source.mapping_path):
            if path is not None and path.stem in (*self._folders, ALL):
                raise LeadXbError(f"{path} would give its split the name of the data folder {path.stem!r}; rename it")

    @cached_property
    def filter_path(self) -> Path | None:
        """The scene filter that `split` names, None for a folder or `all`."""
        split = self._source.split
        if split == ALL or split in self._folders:
            return None
        path = Path(split)
        if path.suffix in FILTER_SUFFIXES and path.is_file():
            return path.resolve()
        expected = f"one of {', '.join(self._folders)}, {ALL}, or the path of a scene filter (.yaml or .json)"
        raise LeadXbError(f"split={split} is not there; expected {expected}")

    @cached_property
    def chosen(self) -> SceneFilter | None:
        """The scene filter."""
        return None if self.filter_path is None else read_filter(self.filter_path)

    @property
    def logs(self) -> Mapping[str, LogFile]:
        """The logs of the split by name."""
        return self.selection.logs

    @cached_property
    def selection(self) -> _Selection:
        """The logs of the split; LeadXbError if a filter names one that is not there."""
        logs = find_logs(self._source.root, self._searched())
        if self.chosen is None:
            return _Selection(logs)
        if (names := self.chosen.log_names) is not None:
            if missing := sorted(names - set(logs)):
                where = ", ".join(self._searched())
                raise LeadXbError(
                    f"{len(missing)} of the {len(names)} logs that {self.filter_path} names are not in {where}, "
                    f"for example {missing[0]}; complete the download or remove them from the filter"
                )
            logs = {name: log for name, log in logs.items() if name in names}
        return _limited(logs, self.chosen)

    @cached_property
    def synthetic(self) -> list[SyntheticFile]:
        """The synthetic scenes of the split's logs, or those of the mapping."""
        chosen, mapping = self.chosen, self._source.mapping_path
        if mapping is None and chosen is not None and not chosen.include_synthetic_scenes:
            return []
        scenes = [scene for scene in find_synthetic(self._source.root) if scene.links.log_name in self.logs]
        if mapping is not None:
            return self._mapped(scenes, mapping)
        return scenes if chosen is None else [scene for scene in scenes if self._in_filter(scene, chosen)]

    def splits_of(self, scene: SyntheticFile) -> tuple[str, ...]:
        """Splits of a synthetic scene's current frame: its folder, the filter and the mapping."""
        names = [scene.folder]
        if self.chosen is not None and self.chosen.include_synthetic_scenes and self._in_filter(scene, self.chosen):
            names.append(self.chosen.name)
        if self._source.mapping_path is not None:
            names.append(self._source.mapping_path.stem)
        return tuple(dict.fromkeys(names))

    def _searched(self) -> list[str]:
        split, folder = self._source.split, self._source.folder
        if folder is None:
            return [split] if split in self._folders else self._folders
        if self.filter_path is None:
            raise LeadXbError(f"folder={folder} belongs to a scene filter; say split={folder}")
        if folder not in self._folders:
            raise LeadXbError(f"folder={folder} is not there; expected one of {', '.join(self._folders)}")
        return [folder]

    def _mapped(self, scenes: list[SyntheticFile], mapping: Path) -> list[SyntheticFile]:
        """The scenes that a mapping names; LeadXbError if one is missing."""
        wanted = {token for pair in read_mapping(mapping) for second in pair.second_stage for token in second}
        found = [scene for scene in scenes if scene.links.initial_token in wanted]
        if missing := sorted(wanted - {scene.links.initial_token for scene in found}):
            raise LeadXbError(
                f"{len(missing)} of the {len(wanted)} synthetic scenes that {mapping} names are not in "
                f"{self._source.root}, for example {missing[0]}; complete the download, or give a split= that "
                "holds their logs"
            )
        return found

    def _in_filter(self, scene: SyntheticFile, chosen: SceneFilter) -> bool:
        if chosen.synthetic_tokens is not None:
            return scene.links.initial_token in chosen.synthetic_tokens
        return scene.links.original_token in self._final_tokens

    @cached_property
    def _final_tokens(self) -> frozenset[str]:
        """Tokens of the last frames of the kept scenes: what links second-stage scenes without a token list."""
        if self.chosen is None:
            return frozenset()
        tokens = set()
        for name, log in self.logs.items():
            frames = read_log(log.path)
            rows = _current_rows(log, self.chosen)[: self.selection.limits.get(name)]
            tokens |= {frames[row + self.chosen.num_future_frames].text("token") for row in rows}
        return frozenset(tokens)


def _current_rows(log: LogFile, chosen: SceneFilter) -> list[int]:
    frames = read_log(log.path)
    has_route = [bool(frame.texts("roadblock_ids")) for frame in frames]
    return chosen.current_rows([frame.text("token") for frame in frames], has_route)


def _limited(logs: Mapping[str, LogFile], chosen: SceneFilter) -> _Selection:
    """The logs up to the one in which the filter's `max_scenes` is reached."""
    if chosen.max_scenes is None:
        return _Selection(logs)
    limits: dict[str, int] = {}
    left = chosen.max_scenes
    for name, log in logs.items():
        limits[name] = min(left, len(_current_rows(log, chosen)))
        left -= limits[name]
        if left == 0:
            break
    return _Selection({name: logs[name] for name in limits}, limits)
