"""A LEAD route -> one canonical scene."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lead_xb.adapters.carla.checks import ADVICE, check_boxes, check_meta, check_tables
from lead_xb.adapters.carla.rig import build_rig
from lead_xb.adapters.carla.routes import GARAGE, Route, RouteFiles
from lead_xb.adapters.carla.rows import native_row, plain_value, rebuild, row_cells, token_of
from lead_xb.adapters.carla.sensors import extension_of, is_known, png_bits, sensor_cells
from lead_xb.schemas.boxes import box_fields_of
from lead_xb.schemas.errors import DataError
from lead_xb.schemas.rig import Rig
from lead_xb.schemas.scene import SceneMeta
from lead_xb.store.codec import same_bits
from lead_xb.store.scene import Scene
from lead_xb.store.unpickle import NUMPY, loads_lzma
from lead_xb.store.writer import Row, Written, write_rows

STORED_BYTES_SHARE = 1.3
"""A scene is smaller than its route in every case measured; the disk check stays on the safe side."""

RESULTS = "results.json"

VALUE_ERRORS = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, ZeroDivisionError)
"""What arithmetic on a value of an unexpected kind raises."""


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """Options that change what is stored."""

    reach_m: float
    reference_images: bool
    hash_references: bool


RIG_KEYS = ("sensor_information", "dataset_information", "perturbation_translation", "perturbation_rotation")
"""What a rig is made from; a row in which one differs carries a rig of its own."""


@dataclass(frozen=True)
class FirstFrame:
    """What the scene's rig was made from."""

    meta: dict[str, Any]
    depth_bits: int


@dataclass(frozen=True)
class RouteTask:
    """Converts one route; a `lead_xb.store.tasks.Task`."""

    route: Route
    options: ConvertOptions

    @property
    def kind(self) -> str:
        """A route becomes a scene."""
        return "scene"

    @property
    def id(self) -> str:
        """scene_id."""
        return self.route.scene_id

    @cached_property
    def native_bytes(self) -> int:
        """Size of the route's files; 0 for a zip that cannot be listed, whose task then fails."""
        try:
            return self.route.open().total_bytes
        except DataError:
            return 0

    @property
    def stored_bytes(self) -> int:
        """Upper estimate of the scene."""
        return int(self.native_bytes * STORED_BYTES_SHARE)

    def write(self, path: Path) -> Written:
        """Read the route frame by frame and write its scene."""
        files = self.route.open()
        numbers = frame_numbers(files)
        first = read_meta(files, numbers[0], self.options.reach_m)
        where = files.where(f"metas/{numbers[0]:04}.pkl")
        check_tables(first, where)
        depth_bits = _depth_bits(files, numbers[0])
        try:
            rig = build_rig(first, folders=set(files.folders), depth_bits=depth_bits)
        except VALUE_ERRORS as error:
            raise DataError(where, f"its calibration is not LEAD's ({error!r})", advice=ADVICE) from error
        meta = SceneMeta(
            scene_id=self.id,
            source="carla",
            location=plain_value(first.get("town"), str),
            map_id=None,
            folder=self.route.scenario,
            scenario=self.route.scenario,
            rig=rig,
            lacks=_lacks(files),
            box_fields=box_fields_of("carla"),
            **_outcome(_read_results(files)),
        )
        return write_rows(path, meta, self._rows(files, numbers, FirstFrame(first, depth_bits), rig), rebuild)

    def splits(self, scene: Scene) -> list[list[str]]:
        """LEAD has no splits; the scenario is a column of the index."""
        return [[] for _ in range(len(scene))]

    def _rows(
        self, files: RouteFiles, numbers: list[int], first: FirstFrame, rig: Rig
    ) -> Iterator[tuple[Row, dict[str, Any]]]:
        results = _read_results(files)
        options = self.options
        for row, number in enumerate(numbers):
            meta = read_meta(files, number, options.reach_m)
            boxes = read_boxes(files, number)
            try:
                own = _rig_of(files, meta, number, first)
                cells = row_cells(meta, boxes, number=number, reach_m=options.reach_m)
            except VALUE_ERRORS as error:
                # LEAD's logs carry no version: a value of another kind is the log's fault, and only this route's.
                reason = f"frame {number} holds a value that LEAD does not write ({error!r})"
                raise DataError(files.where(f"metas/{number:04}.pkl"), reason, advice=ADVICE) from error
            sensors = sensor_cells(
                files,
                number,
                rig=own or rig,
                reference=options.reference_images,
                hashed=options.hash_references,
            )
            identity = {"frame.token": token_of(self.id, row), "frame.rig": None if own is None else own.to_json()}
            yield {**cells, **sensors, **identity}, native_row(meta, boxes, results)


def frame_numbers(files: RouteFiles) -> list[int]:
    """Numbers of the saved frames.

    Raises:
        DataError: the route was not finished, or a folder lacks a frame that others have.
    """
    folders = files.folders
    if "measurements" in folders and "metas" not in folders:
        raise DataError(files.route.path, f"holds {GARAGE}")
    if "metas" not in folders or "bboxes" not in folders:
        reason = "has no metas/ or bboxes/: the recording was stopped before LEAD wrote them"
        raise DataError(files.route.path, reason, advice="record the route again; LEAD's own loader skips it as well")
    numbers = sorted(_number(files, name) for name in folders["metas"])
    for folder, names in folders.items():
        if not is_known(folder):
            continue
        extension = extension_of(folder)
        missing = {f"{number:04}.{extension}" for number in numbers} - set(names)
        if missing:
            raise DataError(files.where(f"{folder}/{min(missing)}"), "is missing", advice=ADVICE)
        if extra := set(names) - {f"{number:04}.{extension}" for number in numbers}:
            reason = f"has no meta ({len(names)} files in {folder}/, {len(numbers)} metas)"
            raise DataError(files.where(f"{folder}/{min(extra)}"), reason, advice=ADVICE)
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise DataError(files.where("metas"), "frames are not contiguous", advice=ADVICE)
    return numbers


def read_meta(files: RouteFiles, number: int, reach_m: float) -> dict[str, Any]:
    """The checked meta of a saved frame."""
    name = f"metas/{number:04}.pkl"
    return check_meta(
        loads_lzma(files.read(name), path=files.where(name), allow=NUMPY), files.where(name), reach_m=reach_m
    )


def read_boxes(files: RouteFiles, number: int) -> list[dict[str, Any]]:
    """The checked boxes of a saved frame."""
    name = f"bboxes/{number:04}.pkl"
    return check_boxes(loads_lzma(files.read(name), path=files.where(name), allow=NUMPY), files.where(name))


def _number(files: RouteFiles, name: str) -> int:
    stem, _, extension = name.rpartition(".")
    if extension != "pkl" or not stem.isdecimal():
        raise DataError(files.where(f"metas/{name}"), "is not a frame such as 0000.pkl", advice="move it elsewhere")
    return int(stem)


def _rig_of(files: RouteFiles, meta: dict[str, Any], number: int, first: FirstFrame) -> Rig | None:
    """The rig of this row where it differs from the scene's."""
    depth_bits = _depth_bits(files, number)
    if depth_bits == first.depth_bits and all(same_bits(meta.get(key), first.meta.get(key)) for key in RIG_KEYS):
        return None
    check_tables(meta, files.where(f"metas/{number:04}.pkl"))
    return build_rig(meta, folders=set(files.folders), depth_bits=depth_bits)


def _depth_bits(files: RouteFiles, number: int) -> int:
    if "depth" not in files.folders:
        return 8
    name = f"depth/{number:04}.png"
    return png_bits(files.read(name), files.where(name))


def _read_results(files: RouteFiles) -> Any:
    if RESULTS not in files.sizes:
        return None
    try:
        return json.loads(files.read(RESULTS))
    except ValueError as error:
        raise DataError(files.where(RESULTS), f"not JSON ({error})", advice=ADVICE) from error


def _outcome(results: Any) -> dict[str, Any]:
    """Status and score of a route, null where its results do not tell."""
    if not isinstance(results, dict):
        return {"route_status": None, "route_score": None}
    scores = results.get("scores")
    score = scores.get("score_composed") if isinstance(scores, dict) else None
    return {"route_status": plain_value(results.get("status"), str), "route_score": plain_value(score, float)}


def _lacks(files: RouteFiles) -> tuple[str, ...]:
    expected = ("rgb", "semantics", "depth", "hdmap", "lidar", "radar", "rgb_perturbated")
    lacks = [f"{folder}/ was not recorded" for folder in expected if folder not in files.folders]
    if "rgb_perturbated" in files.folders:
        twice = ("semantics", "depth", "hdmap", "radar")
        partial = [f"{name}_perturbated" for name in twice if name in files.folders]
        lacks += [f"{name}/ was not recorded" for name in partial if name not in files.folders]
    if RESULTS not in files.sizes:
        lacks.append("results.json was not recorded")
    strangers = sorted(folder for folder in files.folders if folder and not is_known(folder))
    strangers += [name for name in files.folders.get("", []) if name != RESULTS]
    return (*lacks, *(f"{name} is not part of LEAD's format and was not converted" for name in strangers))
