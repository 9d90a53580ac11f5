"""How the columns of nuPlan's map layers become columns of ours, and back (`navsim.md` 1.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lead_xb.schemas.map import Layer
from lead_xb.store.codec import pack_native, same_bits, unpack_native

_INT32 = range(-(1 << 31), 1 << 31)


def _id(value: Any) -> str:
    """An id; integer columns with gaps are stored as REAL, so 20001.0 is 20001."""
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    raise ValueError("an integer")


def _int32(value: Any) -> int:
    if (number := int(_id(value))) in _INT32:
        return number
    raise ValueError("an integer of 32 bits")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and abs(value) < float("inf"):
        return float(value)
    raise ValueError("a finite number")


def _id_list(value: Any) -> list[str]:
    """Ids joined by commas; empty parts name nothing (`nup:common/maps/nuplan_map/lane_connector.py`, stop_lines)."""
    if not isinstance(value, str):
        return [_id(value)]
    ids = [stripped for part in value.split(",") if (stripped := part.strip())]
    if all(id.isdecimal() for id in ids):
        return ids
    raise ValueError("integers joined by commas")


class _Kind(Enum):
    """Native value that is not NULL -> our cell (ValueError says what it should have been), and back."""

    ID = (_id, int)
    ONE_ID = (lambda value: [_id(value)], lambda ids: int(ids[0]))
    IDS = (_id_list, ",".join)
    INDEX = (_int32, int)
    NUMBER = (_number, float)

    def __init__(self, read: Callable[[Any], Any], restore: Callable[[Any], Any]) -> None:
        self.read = read
        self.restore = restore


@dataclass(frozen=True, slots=True)
class _Field:
    """Our column for a native one; `required` is False where the devkit does not read it and a map may lack it."""

    column: str
    kind: _Kind
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeLayer:
    """A layer of nuPlan.

    Attributes:
        layer: ours.
        shape: geometry type, or the multi of it; empty allows any.
        fields: native column -> column of ours.
        lane: native column -> layer of the lane that a row belongs to.
    """

    layer: Layer
    shape: str = ""
    fields: Mapping[str, _Field] = field(default_factory=dict)
    lane: Mapping[str, Layer] = field(default_factory=dict)

    @property
    def required(self) -> set[str]:
        """Native columns without which the layer is of no use."""
        return {name for name, known in self.fields.items() if known.required} | set(self.lane)

    def cells(self, native: Mapping[str, Any]) -> dict[str, Any]:
        """Our cells of a native row, `extra` included.

        Raises:
            ValueError: names the native column and says what was expected.
        """
        cells = self._lane_of(native)
        extra: dict[str, Any] = {}
        for name, value in native.items():
            known = self.fields.get(name)
            if known is not None and value is not None:
                cells[known.column] = _read(name, known.kind.read, value)
            if known is None or not same_bits(_restored(known, cells), value):
                extra[name] = value
        cells["extra"] = pack_native(extra) if extra else None
        return cells

    def native(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `cells`, as far as the map had the columns: values have their type and bits again."""
        extra = {} if cells["extra"] is None else unpack_native(cells["extra"])
        return {name: _restored(known, cells) for name, known in self.fields.items()} | extra

    def _lane_of(self, native: Mapping[str, Any]) -> dict[str, Any]:
        named = [name for name in self.lane if native[name] is not None]
        if len(named) > 1:
            raise ValueError(f"columns {named} are both set, expected one")
        if not named:
            return {}
        return {"lane_id": _read(named[0], _id, native[named[0]]), "lane_layer": self.lane[named[0]].value}


def _read(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"column {name!r} is {value!r:.60}, expected {error}") from error


def _restored(known: _Field, cells: Mapping[str, Any]) -> Any:
    cell = cells.get(known.column)
    return None if cell is None else known.kind.restore(cell)


_LEFT = {"left_boundary_fid": _Field("left_boundary_id", _Kind.ID)}
_RIGHT = {"right_boundary_fid": _Field("right_boundary_id", _Kind.ID)}
_SPEED = {"speed_limit_mps": _Field("speed_limit", _Kind.NUMBER)}
_INTERSECTION = {"intersection_fid": _Field("intersection_id", _Kind.ID)}

LAYERS: Mapping[str, NativeLayer] = {
    "lanes_polygons": NativeLayer(
        layer=Layer.LANE,
        shape="Polygon",
        fields={
            "lane_group_fid": _Field("road_block_id", _Kind.ID),
            "lane_index": _Field("lane_index", _Kind.INDEX),
            **_SPEED,
            **_LEFT,
            **_RIGHT,
        },
    ),
    "lane_connectors": NativeLayer(
        layer=Layer.LANE_CONNECTOR,
        shape="LineString",
        fields={
            "exit_lane_fid": _Field("predecessors", _Kind.ONE_ID),
            "entry_lane_fid": _Field("successors", _Kind.ONE_ID),
            "lane_group_connector_fid": _Field("road_block_id", _Kind.ID),
            "traffic_light_stop_line_fids": _Field("stop_lines", _Kind.IDS),
            "turn_type_fid": _Field("subtype", _Kind.ID),
            **_INTERSECTION,
            **_SPEED,
        },
    ),
    "gen_lane_connectors_scaled_width_polygons": NativeLayer(
        layer=Layer.LANE_CONNECTOR_POLYGON,
        shape="Polygon",
        fields={
            "lane_group_connector_fid": _Field("road_block_id", _Kind.ID, required=False),
            **_LEFT,
            **_RIGHT,
        },
        lane={"lane_connector_fid": Layer.LANE_CONNECTOR},
    ),
    "lane_groups_polygons": NativeLayer(layer=Layer.ROAD_BLOCK, shape="Polygon"),
    "lane_group_connectors": NativeLayer(
        layer=Layer.ROAD_BLOCK_CONNECTOR,
        shape="Polygon",
        fields={
            "from_lane_group_fid": _Field("predecessors", _Kind.ONE_ID),
            "to_lane_group_fid": _Field("successors", _Kind.ONE_ID),
            **_INTERSECTION,
        },
    ),
    "baseline_paths": NativeLayer(
        layer=Layer.CENTERLINE,
        shape="LineString",
        fields={"path_type_fid": _Field("subtype", _Kind.ID, required=False)},
        lane={"lane_fid": Layer.LANE, "lane_connector_fid": Layer.LANE_CONNECTOR},
    ),
    "boundaries": NativeLayer(
        layer=Layer.BOUNDARY,
        shape="LineString",
        fields={"boundary_type_fid": _Field("subtype", _Kind.ID, required=False)},
    ),
    "intersections": NativeLayer(
        layer=Layer.INTERSECTION,
        shape="Polygon",
        fields={"intersection_type_fid": _Field("subtype", _Kind.ID, required=False)},
    ),
    "stop_polygons": NativeLayer(
        layer=Layer.STOP_AREA, shape="Polygon", fields={"stop_polygon_type_fid": _Field("subtype", _Kind.ID)}
    ),
    "crosswalks": NativeLayer(layer=Layer.CROSSWALK, shape="Polygon"),
    "walkways": NativeLayer(layer=Layer.WALKWAY, shape="Polygon"),
    "carpark_areas": NativeLayer(layer=Layer.CARPARK, shape="Polygon"),
    "road_segments": NativeLayer(layer=Layer.ROAD_SEGMENT, shape="Polygon"),
    "generic_drivable_areas": NativeLayer(layer=Layer.GENERIC_DRIVABLE, shape="Polygon"),
}
OTHER = NativeLayer(layer=Layer.OTHER)
"""Any further layer: geometry and `extra`."""
