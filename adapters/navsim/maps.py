"""nuPlan maps to canonical maps: which files, all rows of all layers, and the topology between them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely

from lead_xb.adapters.navsim.gpkg import FeatureTable, GeoPackage, open_geopackage
from lead_xb.adapters.navsim.map_layers import LAYERS, OTHER, NativeLayer
from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.schemas.map import MapMeta, map_id_of
from lead_xb.store.map_file import write_map
from lead_xb.store.writer import Row, Written

SOURCE = "navsim"
VERSIONS_FILE = "nuplan-maps-v1.0.json"
ADVICE = "give maps=NUPLAN_MAPS_ROOT, the unpacked nuPlan maps v1.0"
CITIES = ("us-nv-las-vegas-strip", "us-ma-boston", "us-pa-pittsburgh-hazelwood", "sg-one-north")
_ALIASES = {"las_vegas": "us-nv-las-vegas-strip"}
"""Names in logs -> folder names (`v2:planning/scenario_builder/navsim_scenario.py:62`)."""
_INVERSE = {"lane_connectors": "lanes_polygons", "lane_group_connectors": "lane_groups_polygons"}
"""Layer that states predecessors and successors -> layer that gets the inverse."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

Edges = Mapping[str, Mapping[str, Sequence[str]]]
"""Id -> `predecessors` and `successors`, each in native row order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapTask:
    """One city to convert; fulfils `lead_xb.store.tasks.Task`.

    Attributes:
        path: its `map.gpkg`.
        location: city.
        map_version: version of the native map.
        native_bytes: size of the file.
    """

    path: Path
    location: str
    map_version: str
    native_bytes: int

    @property
    def kind(self) -> str:
        """`map`."""
        return "map"

    @property
    def id(self) -> str:
        """`navsim-<location>-<version>`, as in `SceneMeta.map_id`."""
        return map_id_of(SOURCE, self.location, self.map_version)

    @property
    def stored_bytes(self) -> int:
        """A quarter more than the native file; measured are 0.5 to 0.9 of it."""
        return self.native_bytes * 5 // 4

    def write(self, path: Path) -> Written:
        """Read the GeoPackage and write the canonical map; DataError if it is damaged."""
        with open_geopackage(self.path) as native:
            meta = MapMeta(
                map_id=self.id,
                source=SOURCE,
                location=self.location,
                map_version=self.map_version,
                crs=native.crs,
                native=native.meta,
            )
            return write_map(path, meta, _rows(native, self.path))

    def splits(self, index: pa.Table) -> list[list[str]]:
        """Maps belong to no split."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is known of where a log or synthetic scene is before it is read.

    Attributes:
        location: city that the first bytes of the pickle name; None if they name none.
        maps: city -> map_id of the maps that are converted; None converts without maps.
    """

    location: str | None
    maps: Mapping[str, str] | None

    def map_of(self, location: str, path: Path) -> str | None:
        """map_id for the city that the pickle turned out to name.

        Raises:
            DataError: its first bytes name another one, or the map of this one is not converted.
        """
        if self.location not in (None, location):
            reason = f"is in {location}, but the file begins with {self.location}"
            raise DataError(path, reason, advice="get the file again from its publisher")
        if self.maps is not None and location not in self.maps:
            reason = f"is in {location!r}, whose map is not among the planned ones ({', '.join(self.maps) or 'none'})"
            raise DataError(path, reason, advice="the file may be damaged; get it again, or convert it without maps=")
        return None if self.maps is None else self.maps[location]


def known_locations(maps_root: Path) -> frozenset[str]:
    """nuPlan's cities and those of a folder of maps; any other name is damage. DataError as in `map_tasks`."""
    return frozenset(CITIES) | frozenset(_versions(maps_root))


def location_of(name: str) -> str:
    """Folder name of a city as a log names it."""
    return _ALIASES.get(name, name)


def map_tasks(maps_root: Path, locations: Sequence[str]) -> list[MapTask]:
    """The maps of some cities, sorted; the devkit wants all four, this only those that are named.

    Args:
        maps_root: folder with `nuplan-maps-v1.0.json`.
        locations: cities as logs name them, in any order and number.

    Raises:
        LeadXbError: a city that the maps do not have.
        DataError: the folder, the list of versions or a map is missing or damaged.
    """
    versions = _versions(maps_root)
    tasks = []
    for location in sorted({location_of(name) for name in locations}):
        if location not in versions:
            raise LeadXbError(f"{maps_root} has no map of {location!r}, only of {sorted(versions)}; {ADVICE}")
        path = maps_root / location / versions[location] / "map.gpkg"
        if not path.is_file():
            raise DataError(path, f"the map of {location} that {VERSIONS_FILE} names is missing", advice=ADVICE)
        tasks.append(
            MapTask(path=path, location=location, map_version=versions[location], native_bytes=path.stat().st_size)
        )
    return tasks


def _versions(maps_root: Path) -> dict[str, str]:
    path = maps_root / VERSIONS_FILE
    try:
        entries = json.loads(path.read_text("utf-8"))
        versions = {location: entry["version"] for location, entry in entries.items()}
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", advice=ADVICE) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(path, 'expected {"<location>": {"version": "<version>", ...}, ...}', advice=ADVICE) from error
    for name in (*versions, *versions.values()):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise DataError(path, f"{name!r} is no folder name of a map", advice=ADVICE)
    return versions


def _rows(native: GeoPackage, path: Path) -> Iterator[Row]:
    """Rows of all layers in file order. Connectors are read first, since lanes need their edges."""
    read = {name: _layer_rows(native, name, path) for name in _INVERSE if name in native.layers}
    edges = {_INVERSE[name]: _inverse(rows) for name, rows in read.items()}
    for name in native.layers:
        rows = read[name] if name in read else _layer_rows(native, name, path)
        yield from ({**row, **edges[name][row["id"]]} for row in rows) if name in edges else rows


def _layer_rows(native: GeoPackage, name: str, path: Path) -> list[dict[str, Any]]:
    known = LAYERS.get(name, OTHER)
    table = native.features(name)
    if missing := known.required - set(table.columns):
        raise DataError(path, f"table {name!r} has no columns {sorted(missing)}; it has {sorted(table.columns)}")
    _require_shape(table, known, path)
    geometry = shapely.to_wkb(table.geometries, byte_order=1, flavor="iso")
    rows = []
    for row, feature in enumerate(table.ids):
        try:
            cells = known.cells({column: values[row] for column, values in table.columns.items()})
        except ValueError as error:
            raise DataError(path, f"table {name!r} row {row} (id {feature}): {error}") from error
        place = {"id": str(feature), "layer": known.layer.value, "native_layer": name, "native_row": row}
        rows.append({**place, "geometry": geometry[row], **cells})
    return rows


def _require_shape(table: FeatureTable, known: NativeLayer, path: Path) -> None:
    allowed = {known.shape, f"Multi{known.shape}"}
    for row, geometry in enumerate(table.geometries if known.shape else ()):
        if geometry.geom_type not in allowed and not geometry.is_empty:
            place = f"table {table.name!r} row {row} (id {table.ids[row]})"
            raise DataError(path, f"{place}: a {geometry.geom_type}, expected a {known.shape}")


def _inverse(connectors: Sequence[Mapping[str, Any]]) -> Edges:
    """Edges of lanes (road blocks) from those of their connectors: a connector follows its predecessors."""
    edges: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"predecessors": [], "successors": []})
    for row in connectors:
        for before in row.get("predecessors", []):
            edges[before]["successors"].append(row["id"])
        for after in row.get("successors", []):
            edges[after]["predecessors"].append(row["id"])
    return edges
