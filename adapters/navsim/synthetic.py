"""A synthetic second-stage scene of navhard -> one canonical scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lead_xb.adapters.navsim.fields import ADVICE, Fields
from lead_xb.adapters.navsim.maps import Place
from lead_xb.adapters.navsim.payloads import SensorReader
from lead_xb.adapters.navsim.rig import RigReader
from lead_xb.adapters.navsim.sensors import Blobs, SensorOptions, Sensors, sensor_paths
from lead_xb.adapters.navsim.survey import survey
from lead_xb.adapters.navsim.synthetic_scene import CAMERAS_KEY, SceneLinks, read_synthetic, rebuild, scene_rows
from lead_xb.schemas.boxes import box_fields_of
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.scene import Scene
from lead_xb.store.writer import Written, write_rows


@dataclass(frozen=True, kw_only=True)
class SyntheticTask:
    """Converts one synthetic scene; a `lead_xb.store.tasks.Task`.

    Attributes:
        path: the pickle; its name without suffix is the scene token and the scene_id.
        links: what it belongs to; None if that could not be found out beforehand.
        places: where its sensor files may lie, one for each two-stage folder that holds it.
        current_splits: splits of its current frame; its other rows belong to none, for it is one sample.
        place, options, native_bytes, stored_bytes: as in `LogTask`.
    """

    path: Path
    links: SceneLinks | None
    place: Place
    places: tuple[Blobs, ...]
    current_splits: tuple[str, ...]
    options: SensorOptions
    native_bytes: int
    stored_bytes: int

    @property
    def kind(self) -> str:
        """A synthetic scene is a scene of its own."""
        return "scene"

    @property
    def id(self) -> str:
        """scene_id: the scene token."""
        return self.path.stem

    def write(self, path: Path) -> Written:
        """Read the scene and its sensor files and write it."""
        native = read_synthetic(self.path)
        links = SceneLinks.of(native.metadata)
        if self.links not in (None, links):
            raise DataError(self.path, f"holds {links}, but the file begins with {self.links}", advice=ADVICE)
        map_id = self.place.map_of(links.location, self.path)
        blobs = self._blobs(native.frames)
        history = native.current + 1
        found = survey(native.frames, CAMERAS_KEY, blobs=blobs, options=self.options, required=range(history))
        rigs = RigReader(found, CAMERAS_KEY)
        first_stage = "corresponding_original_initial_token"
        meta = SceneMeta(
            box_fields=box_fields_of("navsim"),
            scene_id=self.id,
            source="navsim",
            location=links.location,
            map_id=map_id,
            folder=blobs.root_id,
            rig=rigs.scene_rig(native.frames),
            lacks=(*found.lacks, *rigs.lacks(native.frames), *(() if map_id else ("map",))),
            original_token=links.original_token,
            initial_token=links.initial_token,
            original_initial_token=native.metadata.text(first_stage) if first_stage in native.metadata else None,
            log=links.log_name,
            history_rows=history,
        )
        reader = SensorReader(CAMERAS_KEY, blobs, found)
        return write_rows(path, meta, scene_rows(native, meta, rigs, reader), rebuild)

    def splits(self, scene: Scene) -> list[list[str]]:
        """Splits of each row."""
        tokens = scene.table(["frame.token"])["frame.token"].to_pylist()
        return [list(self.current_splits) if token == scene.meta.initial_token else [] for token in tokens]

    def _blobs(self, frames: Sequence[Fields]) -> Blobs:
        """The first folder that has any sensor file of the scene; the first of all where none has."""
        if len(self.places) == 1 or self.options.sensors is Sensors.NONE:
            return self.places[0]
        paths = {path for frame in frames for path in sensor_paths(frame, CAMERAS_KEY).values()}
        return next((blobs for blobs in self.places if any(map(blobs.holds, paths))), self.places[0])
