"""What a filter or a mapping asks for by name must be in the store, and a run says what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lead_xb.adapters.navsim.config import NavsimConfig

from ...store.running import InlinePool, run
from .helpers import native_frames, token, write_log
from .synthetic_helpers import NOW, PREVIOUS, native_synthetic, write_scene_pickle


def requested(root: Path, **options: Any) -> dict[str, set[str]]:
    source = NavsimConfig(source=root, **{"sensors": "present", **options}).build()
    return {name: set(tokens) for name, tokens in replace(source, pool=InlinePool()).requested.items()}


def yaml_file(path: Path, **entries: Any) -> Path:
    path.write_text(yaml.safe_dump(entries))
    return path


def scene_filter(tmp_path: Path, **entries: Any) -> str:
    sizes = {"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1}
    return str(yaml_file(tmp_path / "tiny.yaml", **sizes, **entries))


SYNTHETIC = {"include_synthetic_scenes": True}


@pytest.mark.parametrize(
    ("entries", "tokens"),
    [
        ({}, set()),
        ({"tokens": []}, set()),
        ({"tokens": ["a", "b"]}, {"a", "b"}),
        ({"tokens": ["a", "b"], "max_scenes": 1}, set()),
        ({"tokens": ["a"], "synthetic_scene_tokens": ["s"]}, {"a"}),
        ({"tokens": ["a"], "synthetic_scene_tokens": ["s"], **SYNTHETIC}, {"a", "s"}),
        ({"reactive_synthetic_initial_tokens": ["s", "t"], **SYNTHETIC}, {"s", "t"}),
        ({"reactive_synthetic_initial_tokens": ["s", "t"], "max_scenes": 1, **SYNTHETIC}, set()),
        (
            {"synthetic_scene_tokens": ["s"], "reactive_synthetic_initial_tokens": ["s", "t"], **SYNTHETIC},
            {"s"},
        ),
    ],
)
def test_a_filter_asks_for_the_tokens_it_lists(
    entries: dict[str, Any], tokens: set[str], source: Path, tmp_path: Path
) -> None:
    found = requested(source, split=scene_filter(tmp_path, **entries))
    assert found == ({"tiny": tokens} if tokens else {})


def test_a_folder_asks_for_nothing_by_name(source: Path) -> None:
    assert requested(source, split="test") == requested(source, split="all") == {}


@pytest.fixture
def mapping(source: Path, tmp_path: Path) -> Path:
    write_scene_pickle(source, native_synthetic(PREVIOUS), PREVIOUS)
    groups = [[token(1), token(0), [[NOW, PREVIOUS]]]]
    return yaml_file(tmp_path / "pairs.yaml", reactive_all_mapping=groups)


def test_a_mapping_asks_for_the_first_stage_only_where_its_log_is_converted(
    mapping: Path, source: Path, tmp_path: Path
) -> None:
    write_log(source, [{**frame, "log_name": "other"} for frame in native_frames()], folder="mini", name="other")
    everything = {token(0), token(1), NOW, PREVIOUS}
    assert requested(source, split="test", synthetic=mapping) == {"pairs": everything}
    assert requested(source, split="all", synthetic=mapping) == {"pairs": everything}
    assert requested(source, split="mini", synthetic=mapping) == {"pairs": {NOW, PREVIOUS}}
    chosen = scene_filter(tmp_path, tokens=[token(1)], reactive_synthetic_initial_tokens=["s"], **SYNTHETIC)
    assert requested(source, split=chosen, synthetic=mapping) == {"pairs": everything, "tiny": {token(1)}}


def test_a_run_tells_which_tokens_are_missing(mapping: Path, source: Path, tmp_path: Path) -> None:
    chosen = scene_filter(tmp_path, tokens=[token(1), token(0), "gone"])
    built = NavsimConfig(source=source, sensors="present", split=chosen, synthetic=mapping).build()
    report = run(replace(built, pool=InlinePool()), tmp_path / "store")
    assert not report.failures
    assert dict(report.dataset.missing) == {"tiny": 2}
    assert dict(report.dataset.splits) == {"pairs": 4, "test": 3, "tiny": 1}
