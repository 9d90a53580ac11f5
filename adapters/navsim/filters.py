"""The devkit's scene filters and two-stage mappings: which frames of which logs are scenes of a split.

Source: reference page `navsim`, section 1.4 (`v2:common/dataloader.py:16`, `v2:common/dataclasses.py`, SceneFilter);
synthetic scenes: `filter_synthetic_scenes` and `reactive_tokens_stage_two` of that data loader.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from lead_xb.schemas.errors import DataError

FILTER_SUFFIXES = (".yaml", ".yml", ".json")
_HYDRA_KEYS = ("_target_", "_convert_")
_SYNTHETIC = "synthetic_scene_tokens"
_STAGE_TWO = ("reactive_synthetic_initial_tokens", "non_reactive_synthetic_initial_tokens")
_COUNTS = ("num_history_frames", "num_future_frames", "frame_interval", "max_scenes")
_FURTHER = ("has_route", "log_names", "tokens", "include_synthetic_scenes")
_KEYS = {*_HYDRA_KEYS, _SYNTHETIC, *_STAGE_TWO, *_COUNTS, *_FURTHER}


@dataclass(frozen=True, kw_only=True)
class SceneFilter:
    """One scene filter, with the devkit's defaults.

    Attributes:
        name: file name without suffix: what the split is called in the index.
        num_history_frames: frames of a scene up to the current one, which is the last of them.
        num_future_frames: frames after it.
        frame_interval: step between the first frames of scenes; null in the file means no overlap.
        has_route: the current frame must have road blocks.
        max_scenes: stop after so many, in the order of log names.
        log_names: logs to look at; None for all.
        tokens: tokens of current frames to keep; None for all.
        include_synthetic_scenes: take second-stage scenes too.
        synthetic_tokens: their initial tokens; None: those whose original scene ends a kept one.
        stage_two_tokens: initial tokens that the second stage looks at among these; None for all of them.
    """

    name: str
    num_history_frames: int = 4
    num_future_frames: int = 10
    frame_interval: int = 14
    has_route: bool = True
    max_scenes: int | None = None
    log_names: frozenset[str] | None = None
    tokens: frozenset[str] | None = None
    include_synthetic_scenes: bool = False
    synthetic_tokens: frozenset[str] | None = None
    stage_two_tokens: frozenset[str] | None = None

    @property
    def listed_synthetic(self) -> frozenset[str]:
        """Initial tokens that the file lists; empty if it lists none."""
        lists = [tokens for tokens in (self.synthetic_tokens, self.stage_two_tokens) if tokens is not None]
        return frozenset.intersection(*lists) if lists else frozenset()

    def takes_log(self, name: str) -> bool:
        """Whether scenes of a log, synthetic ones too, are looked at."""
        return self.log_names is None or name in self.log_names

    def takes_synthetic(self, initial_token: str, original_token: str | None, final_tokens: Collection[str]) -> bool:
        """Whether a synthetic scene of a log that is looked at is kept.

        Args:
            initial_token: token of its current frame.
            original_token: the recorded frame that it belongs to.
            final_tokens: last frames of the kept windows; not looked at where `synthetic_tokens` is given.
        """
        if self.stage_two_tokens is not None and initial_token not in self.stage_two_tokens:
            return False
        if self.synthetic_tokens is not None:
            return initial_token in self.synthetic_tokens
        return original_token in final_tokens

    def current_rows(self, tokens: Sequence[str], has_route: Sequence[bool]) -> list[int]:
        """Rows of a log that are the current frame of a kept scene.

        Args:
            tokens: token of each frame of the log.
            has_route: whether it has road blocks.
        """
        rows = range(self.num_history_frames - 1, len(tokens) - self.num_future_frames, self.frame_interval)
        return [
            row
            for row in rows
            if (has_route[row] or not self.has_route) and (self.tokens is None or tokens[row] in self.tokens)
        ]


@dataclass(frozen=True, slots=True)
class StagePair:
    """One group of `reactive_all_mapping`: a first-stage scene and its second-stage scenes.

    Attributes:
        now, previous: first-stage tokens at 0 s and at -0.5 s.
        second_stage: tokens (now, previous) of each synthetic pair.
    """

    now: str
    previous: str
    second_stage: tuple[tuple[str, str], ...]

    @property
    def synthetic(self) -> frozenset[str]:
        """All tokens of the second stage."""
        return frozenset(token for second in self.second_stage for token in second)


def read_filter(path: Path) -> SceneFilter:
    """Read a scene filter (yaml or JSON); lists of 100,000 tokens take about a second, once a process.

    Raises:
        DataError: unreadable, another kind of file, an unknown key, or a value of another type.
    """
    return _read_filter(path, _stamp(path))


@lru_cache(maxsize=4)
def _read_filter(path: Path, stamp: tuple[int, int]) -> SceneFilter:
    entries = _read(path)
    if "data_split" in entries or "defaults" in entries:
        place = path.parent / "scene_filter" / f"{_filter_name(entries, path.stem)}{path.suffix}"
        advice = f"give split={place} and folder={entries.get('data_split', '<data_split>')}"
        raise DataError(path, "is a train_test_split, which only names a scene filter", advice=advice)
    if entries.get("all_mapping") is not None:
        raise DataError(path, "all_mapping is given, expected null", advice="give the mapping as synthetic=FILE")
    if unknown := set(entries) - _KEYS - {"all_mapping"}:
        raise DataError(path, f"has the keys {sorted(map(str, unknown))}, expected some of {sorted(_KEYS)}")
    counts = {key: _count(entries, key, path) for key in _COUNTS}
    history = 4 if counts["num_history_frames"] is None else counts["num_history_frames"]
    future = 10 if counts["num_future_frames"] is None else counts["num_future_frames"]
    interval = counts["frame_interval"] if counts["frame_interval"] is not None else history + future
    if history < 1 or interval < 1 or counts["max_scenes"] == 0:
        raise DataError(path, "num_history_frames, frame_interval and max_scenes must be at least 1")
    stage_two = [tokens for key in _STAGE_TWO if (tokens := _texts(entries, key, path)) is not None]
    return SceneFilter(
        name=path.stem,
        num_history_frames=history,
        num_future_frames=future,
        frame_interval=interval,
        has_route=_flag(entries, "has_route", True, path),
        max_scenes=counts["max_scenes"],
        log_names=_texts(entries, "log_names", path),
        tokens=_texts(entries, "tokens", path),
        include_synthetic_scenes=_flag(entries, "include_synthetic_scenes", False, path),
        synthetic_tokens=_texts(entries, _SYNTHETIC, path),
        stage_two_tokens=frozenset().union(*stage_two) if stage_two else None,
    )


def read_mapping(path: Path) -> tuple[StagePair, ...]:
    """Read `reactive_all_mapping` from a yaml or JSON file that holds it under that name, or nothing else.

    Raises:
        DataError: unreadable, no mapping in it, or a group that is not [now, previous, [[now, previous], ...]].
    """
    return _read_mapping(path, _stamp(path))


@lru_cache(maxsize=4)
def _read_mapping(path: Path, stamp: tuple[int, int]) -> tuple[StagePair, ...]:
    content = _parse(path)
    groups = content.get("reactive_all_mapping") if isinstance(content, dict) else content
    if not isinstance(groups, list) or not groups:
        raise DataError(path, "holds no reactive_all_mapping", advice="give the devkit's <name>_two_stage.yaml")
    return tuple(_pair(group, index, path) for index, group in enumerate(groups))


def _pair(group: Any, index: int, path: Path) -> StagePair:
    match group:
        case [str() as now, str() as previous, list() as seconds]:
            pairs = [tuple(second) for second in seconds if _is_pair(second)]
            if len(pairs) == len(seconds):
                return StagePair(now, previous, tuple((a, b) for a, b in pairs))
    reason = f"group {index} of reactive_all_mapping is not [now, previous, [[now, previous], ...]] of quoted tokens"
    raise DataError(path, reason, advice="get the devkit's file again")


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(token, str) for token in value)


def _filter_name(entries: dict[str, Any], default: str) -> str:
    """Name of the scene filter that the `defaults` of a train_test_split give; `test` uses `all_scenes`."""
    defaults = entries.get("defaults")
    items = defaults if isinstance(defaults, list) else []
    named = [item.get("scene_filter") for item in items if isinstance(item, dict)]
    return next((name for name in named if isinstance(name, str)), default)


def _stamp(path: Path) -> tuple[int, int]:
    """What tells that a file has changed since it was read."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from error
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> dict[str, Any]:
    content = _parse(path)
    if not isinstance(content, dict):
        raise DataError(path, f"holds a {type(content).__name__}, expected the keys of a scene filter")
    return content


def _parse(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = path.read_text("utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.load(text, loader)
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(path, f"not readable as {path.suffix[1:]} ({' '.join(str(error).split())[:200]})") from error


def _count(entries: dict[str, Any], key: str, path: Path) -> int | None:
    value = entries.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DataError(path, f"{key} is {value!r}, expected a whole number or null")
    return value


def _flag(entries: dict[str, Any], key: str, default: bool, path: Path) -> bool:
    value = entries.get(key, default)
    if not isinstance(value, bool):
        raise DataError(path, f"{key} is {value!r}, expected true or false")
    return value


def _texts(entries: dict[str, Any], key: str, path: Path) -> frozenset[str] | None:
    values = entries.get(key)
    if values is None:
        return None
    if not isinstance(values, list):
        raise DataError(path, f"{key} is a {type(values).__name__}, expected a list or null")
    for index, value in enumerate(values):
        if not isinstance(value, str):
            advice = "put it in quotes: yaml reads some tokens as numbers"
            raise DataError(path, f"{key}[{index}] is {value!r} ({type(value).__name__})", advice=advice)
    return frozenset(values)
