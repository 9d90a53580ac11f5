"""Where routes lie: LEAD's folders, or the published one-zip-per-route files without unpacking them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.store.payload import reference_to

UNREADABLE_ZIP = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)
GARAGE = "logs of the older carla_garage format (measurements/ instead of metas/); only LEAD logs are converted"
MAX_FILE_BYTES = 1 << 28
"""No file of a route comes near 256 MiB; a zip member that claims more is a bomb."""


@dataclass(frozen=True)
class Route:
    """One recorded route. Small and picklable; files are listed when they are needed.

    Attributes:
        base: folder that references are relative to.
        path: the route's folder, or the zip that holds it.
        inner: folder inside the zip; None for a folder.
        scenario: name of the scenario folder.
        name: name of the route folder.
    """

    base: Path
    path: Path
    inner: str | None
    scenario: str
    name: str

    @property
    def scene_id(self) -> str:
        """Scenario and route; route names alone repeat between scenarios."""
        return f"{self.scenario}__{self.name}"

    def open(self) -> RouteFiles:
        """List the files. DataError if the zip is damaged."""
        return RouteFiles(self, _list_folder(self.path) if self.inner is None else _list_zip(self.path, self.inner))


@dataclass(frozen=True)
class RouteFiles:
    """The files of a route by their path below it (`rgb/0000.jpg`), with their sizes."""

    route: Route
    sizes: dict[str, int] = field(repr=False)

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """Folder -> sorted file names in it; top-level files are under ''."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.sizes):
            folder, _, file = name.rpartition("/")
            found.setdefault(folder, []).append(file)
        return found

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return sum(self.sizes.values())

    def where(self, name: str) -> str:
        """How to call a file in a message."""
        return f"{self.route.path}/{name}" if self.route.inner is None else f"{self.route.path}!{name}"

    def read(self, name: str) -> bytes:
        """Bytes of a file; DataError if it is missing, shorter than it was listed, or a damaged zip member."""
        if name not in self.sizes:
            raise DataError(self.where(name), "is missing", advice="download or record the route again")
        if self.sizes[name] > MAX_FILE_BYTES:
            raise DataError(self.where(name), f"claims {self.sizes[name]} bytes", advice="download the route again")
        try:
            if self.route.inner is None:
                data = (self.route.path / name).read_bytes()
            else:
                data = self._zip.read(str(PurePosixPath(self.route.inner) / name))
        except UNREADABLE_ZIP as error:
            raise DataError(self.where(name), f"cannot be read ({error})", advice="download the route again") from error
        if len(data) != self.sizes[name]:
            reason = f"gives {len(data)} bytes, its size is {self.sizes[name]}"
            raise DataError(self.where(name), reason, advice="check the disk, and that nothing writes to the source")
        return data

    def reference(self, name: str, *, data: bytes | None) -> dict[str, Any]:
        """A reference cell for a file; in a zip it must be stored without compression."""
        if self.route.inner is None:
            path = (self.route.path / name).relative_to(self.route.base).as_posix()
            return reference_to("source", path, data=data, length=self.sizes[name])
        info = self._zip.getinfo(str(PurePosixPath(self.route.inner) / name))
        if info.compress_type != zipfile.ZIP_STORED:
            advice = "use images=keep, or unpack the zip"
            raise DataError(self.where(name), "is compressed inside its zip and cannot be referenced", advice=advice)
        path = self.route.path.relative_to(self.route.base).as_posix()
        return reference_to("source", path, data=data, length=info.file_size, offset=self._data_offset(info))

    def _data_offset(self, info: zipfile.ZipInfo) -> int:
        try:
            with self.route.path.open("rb") as file:
                file.seek(info.header_offset + 26)
                header = file.read(4)
        except OSError as error:
            raise DataError(self.route.path, f"cannot be read ({error})", advice="check the disk") from error
        return info.header_offset + 30 + int.from_bytes(header[:2], "little") + int.from_bytes(header[2:], "little")

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.route.path)


def find_routes(source: Path) -> list[Route]:
    """All routes below a source, sorted; an unpacked route wins over its zip.

    Raises:
        LeadXbError: nothing found, or logs of the older carla_garage format.
    """
    base = base_of(source)
    zipped: dict[str, Route] = {}
    for route in _zip_routes(source, base):
        if other := zipped.get(route.scene_id):
            raise LeadXbError(f"{other.path} and {route.path} both hold {route.scene_id!r}; keep one of them")
        zipped[route.scene_id] = route
    routes = {**zipped, **{route.scene_id: route for route in _folder_routes(source, base)}}
    if all(route.inner is None and is_garage(route.path) for route in routes.values()):
        _refuse_garage(source)
    if not routes:
        raise LeadXbError(
            f"source={source} holds no LEAD route; expected data/<Scenario>/<route>/metas or one zip per route"
        )
    return [routes[name] for name in sorted(routes)]


def base_of(source: Path) -> Path:
    """The folder that references are relative to: the source, or its parent for one route or one zip."""
    return source.parent if source.is_file() or _is_route(source) else source


def _folder_routes(source: Path, base: Path) -> Iterator[Route]:
    if not source.is_dir():
        return
    if _is_route(source):
        yield Route(base, source, None, source.parent.name, source.name)
        return
    root = source / "data" if (source / "data").is_dir() else source
    for scenario in sorted(p for p in root.iterdir() if p.is_dir()):
        candidates = [scenario] if _is_route(scenario) else sorted(p for p in scenario.iterdir() if p.is_dir())
        for path in candidates:
            if _is_route(path) or is_garage(path):
                yield Route(base, path, None, path.parent.name, path.name)


def _zip_routes(source: Path, base: Path) -> Iterator[Route]:
    zips = [source] if source.suffix == ".zip" else sorted(source.rglob("*.zip"))
    for path in zips:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except UNREADABLE_ZIP:
            # Its task fails when it is opened, so that it is reported like every other damaged file.
            yield Route(base, path, "", path.parent.name, path.stem)
            continue
        for inner in sorted({str(PurePosixPath(n).parents[1]) for n in names if _is_sensor_or_meta(n)}):
            parts = PurePosixPath(inner).parts
            scenario = parts[-2] if len(parts) > 1 else path.parent.name
            yield Route(base, path, inner, scenario, parts[-1] if parts else path.stem)


def _is_sensor_or_meta(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) > 1 and path.parent.name in ("metas", "rgb")


def _is_route(path: Path) -> bool:
    return (path / "metas").is_dir() or ((path / "rgb").is_dir() and not (path / "measurements").is_dir())


def is_garage(path: Path) -> bool:
    """True for a route of the older carla_garage format. Among LEAD routes its task fails, so that it is reported."""
    return (path / "measurements").is_dir()


def _refuse_garage(source: Path) -> None:
    if next(source.rglob("measurements"), None) is not None:
        raise LeadXbError(f"source={source} holds {GARAGE}")


def _list_folder(path: Path) -> dict[str, int]:
    try:
        files = [file for file in path.rglob("*") if file.is_file()]
        return {file.relative_to(path).as_posix(): file.stat().st_size for file in files}
    except OSError as error:
        raise DataError(path, f"cannot be listed ({error})", advice="check the disk and its permissions") from error


def _list_zip(path: Path, inner: str) -> dict[str, int]:
    prefix = "" if inner in ("", ".") else f"{inner}/"
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir() and info.filename.startswith(prefix)]
    except UNREADABLE_ZIP as error:
        raise DataError(path, f"not a readable zip ({error})", advice="download the route again") from error
    return {info.filename[len(prefix) :]: info.file_size for info in infos}
