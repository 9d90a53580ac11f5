"""A canonical scene: one Arrow IPC file, its columns and its metadata (architecture, section 4)."""

from __future__ import annotations

import base64
import dataclasses
import json
from dataclasses import dataclass

import pyarrow as pa

from lead_xb.schemas.boxes import ALL_BOX_FIELDS, BOXES_COLUMNS, box_type
from lead_xb.schemas.column import Column
from lead_xb.schemas.ego import EGO_COLUMNS, EGO_FUTURE_COLUMNS, EGO_PAST_COLUMNS
from lead_xb.schemas.errors import SchemaError
from lead_xb.schemas.expert import EXPERT_COLUMNS, PREFERENCES_COLUMNS
from lead_xb.schemas.frame import FRAME_COLUMNS
from lead_xb.schemas.navigation import NAVIGATION_COLUMNS
from lead_xb.schemas.plan import PLAN_COLUMNS
from lead_xb.schemas.rig import Rig
from lead_xb.schemas.sensors import PAYLOAD, POINT_GROUPS, group_of, points_type
from lead_xb.schemas.traffic_lights import TRAFFIC_LIGHTS_COLUMNS
from lead_xb.schemas.versions import CURRENT, known_fields, require_readable

METADATA_KEY = b"lead_xb"
ROWS_PER_BATCH = 64

EXTRA_COLUMNS = (
    Column(
        name="extra",
        type=pa.binary(),
        sources=("carla", "navsim"),
        doc="zstd of msgpack: native values that no column reproduces, where they differ from the scene's",
    ),
)

FIXED_COLUMNS: tuple[Column, ...] = (
    *FRAME_COLUMNS,
    *EGO_COLUMNS,
    *EGO_PAST_COLUMNS,
    *EGO_FUTURE_COLUMNS,
    *NAVIGATION_COLUMNS,
    *BOXES_COLUMNS,
    *TRAFFIC_LIGHTS_COLUMNS,
    *EXPERT_COLUMNS,
    *PREFERENCES_COLUMNS,
    *PLAN_COLUMNS,
    *EXTRA_COLUMNS,
)
"""Columns that every scene has, filled or null."""


@dataclass(frozen=True, kw_only=True)
class SceneMeta:
    """What is true of a whole scene.

    Attributes:
        scene_id: unique in a store, also the file name.
        source: adapter that wrote it.
        location: town, city, or the reconstructed place that a simulator replays.
        map_id: `<source>-<location>-<version>`, None without a map.
        folder: data folder or split folder of the source.
        scenario: scenario of the source (Waymo: scenario cluster), None where it has none.
        rig: sensors.
        lacks: what the source has but this store does not hold, in words (`sensors=none`, missing files).
        log: native log that the scene is, or was made from.
        original_token, initial_token, original_initial_token: links of a synthetic second-stage scene.
        route_status, route_score: outcome of a recorded route, by which training selects routes.
        history_rows: rows up to and with the current one, in scenes that are one sample.
        box_fields: fields that boxes have in this scene; the others are never filled by its source.
        extra: zstd of msgpack with the native values that hold for the scene.
        version: schema version.
    """

    scene_id: str
    source: str
    location: str | None
    map_id: str | None
    folder: str
    rig: Rig
    scenario: str | None = None
    lacks: tuple[str, ...] = ()
    original_token: str | None = None
    initial_token: str | None = None
    original_initial_token: str | None = None
    log: str | None = None
    history_rows: int | None = None
    route_status: str | None = None
    route_score: float | None = None
    box_fields: tuple[str, ...] = ALL_BOX_FIELDS
    extra: bytes = b""
    version: str = CURRENT

    def to_json(self) -> str:
        """Canonical JSON text for the file's metadata."""
        data = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        data["rig"] = json.loads(self.rig.to_json())
        data["extra"] = base64.b64encode(self.extra).decode("ascii")
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, where: str) -> SceneMeta:
        """The inverse of `to_json`; SchemaError names `where`."""
        try:
            data = json.loads(text)
            require_readable(data["version"], where)
            data["rig"] = Rig.from_json(json.dumps(data["rig"]))
            data["extra"] = base64.b64decode(data["extra"], validate=True)
            data["lacks"] = tuple(data["lacks"])
            data["box_fields"] = tuple(data["box_fields"])
            return cls(**known_fields(cls, data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SchemaError(f"{where}: the scene's metadata is damaged ({error!r}); convert it again") from error


def sensor_columns(rig: Rig) -> dict[str, pa.DataType]:
    """Sensor columns of a rig and of its views, in file order."""
    columns: dict[str, pa.DataType] = {}
    for prefix in ("", *(f"view.{view.name}." for view in rig.views)):
        for column in rig.columns():
            group = group_of(column)
            if prefix and group == "lidar":
                continue  # one cloud serves every view: it is moved, not measured twice
            attributes = tuple(rig.point_sensor(column).attributes) if group in POINT_GROUPS else ()
            columns[prefix + column] = points_type(attributes) if group in POINT_GROUPS else PAYLOAD
    return columns


def scene_schema(meta: SceneMeta) -> pa.Schema:
    """Arrow schema of a scene: the fixed columns, then those of its rig."""
    fields = [column.field for column in FIXED_COLUMNS if column.name != "boxes"]
    fields.append(pa.field("boxes", pa.list_(box_type(meta.box_fields))))
    fields += [pa.field(name, kind) for name, kind in sensor_columns(meta.rig).items()]
    return pa.schema(fields, metadata={METADATA_KEY: meta.to_json().encode()})


def scene_meta(schema: pa.Schema, where: str) -> SceneMeta:
    """Metadata of an opened scene; SchemaError if the file is no scene or its columns are not ours."""
    metadata = schema.metadata or {}
    if METADATA_KEY not in metadata:
        raise SchemaError(f"{where}: an Arrow file, but not a lead_xb scene (no {METADATA_KEY.decode()!r} metadata)")
    try:
        text = metadata[METADATA_KEY].decode()
    except UnicodeDecodeError as error:
        raise SchemaError(f"{where}: the scene's metadata is not UTF-8; convert it again") from error
    return SceneMeta.from_json(text, where)
