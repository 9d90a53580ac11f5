"""Which synthetic scenes a folder, a filter or a mapping means, and in which splits their samples are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.scene import open_scene

from .helpers import native_frames, write_log
from .synthetic_helpers import FOLDER, NOW, PREVIOUS, native_synthetic, synthetic_tasks, write_scene_pickle


def splits(root: Path, tmp_path: Path, **options: Any) -> dict[str, list[list[str]]]:
    found = {}
    for task in synthetic_tasks(root, **options):
        task.write(tmp_path / "a.arrow")
        found[task.id] = task.splits(open_scene(tmp_path / "a.arrow"))
    return found


def test_a_scene_is_one_sample_of_its_folder(source: Path, tmp_path: Path) -> None:
    assert splits(source, tmp_path) == {NOW: [[], [FOLDER], [], []]}


def test_scenes_of_other_logs_are_left_out(source: Path) -> None:
    write_log(source, [{**frame, "log_name": "other"} for frame in native_frames()], folder="mini", name="other")
    assert synthetic_tasks(source, split="mini") == []


def write_filter(tmp_path: Path, **entries: Any) -> str:
    path = tmp_path / "hard.yaml"
    entries = {"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1, **entries}
    path.write_text(yaml.safe_dump(entries))
    return str(path)


def test_a_filter_takes_scenes_only_if_it_asks_for_them(source: Path, tmp_path: Path) -> None:
    assert synthetic_tasks(source, split=write_filter(tmp_path)) == []


def test_a_filter_takes_the_scenes_whose_tokens_it_lists(source: Path, tmp_path: Path) -> None:
    write_scene_pickle(source, native_synthetic(PREVIOUS), PREVIOUS)
    chosen = write_filter(tmp_path, include_synthetic_scenes=True, reactive_synthetic_initial_tokens=[NOW])
    assert splits(source, tmp_path, split=chosen) == {NOW: [[], [FOLDER, "hard"], [], []]}


def test_without_a_list_a_scene_belongs_to_the_window_that_ends_at_its_original(source: Path, tmp_path: Path) -> None:
    last = native_frames()[2]["token"]
    write_scene_pickle(source, native_synthetic(PREVIOUS, original=last), PREVIOUS)
    chosen = write_filter(tmp_path, include_synthetic_scenes=True)
    assert [task.id for task in synthetic_tasks(source, split=chosen)] == [PREVIOUS]


def write_mapping(tmp_path: Path, *seconds: list[str]) -> Path:
    first = [native_frames()[index]["token"] for index in (1, 0)]
    path = tmp_path / "pairs.yaml"
    path.write_text(yaml.safe_dump({"reactive_all_mapping": [[*first, list(seconds)]]}))
    return path


def test_a_mapping_chooses_the_scenes_and_names_both_stages(source: Path, tmp_path: Path) -> None:
    for token in (PREVIOUS, "3" * 17):
        write_scene_pickle(source, native_synthetic(token), token)
    mapping = write_mapping(tmp_path, [NOW, PREVIOUS])
    assert splits(source, tmp_path, synthetic=mapping) == {
        NOW: [[], [FOLDER, "pairs"], [], []],
        PREVIOUS: [[], [FOLDER, "pairs"], [], []],
    }
    config = NavsimConfig(source=source, split="test", sensors="present", synthetic=mapping)
    log = config.build().tasks()[0]
    log.write(tmp_path / "a.arrow")
    assert log.splits(open_scene(tmp_path / "a.arrow")) == [["test", "pairs"], ["test", "pairs"], ["test"]]


def test_a_mapping_that_names_missing_scenes_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match=rf"1 of the 2 synthetic scenes that .* are not in .* for example {PREVIOUS}"):
        synthetic_tasks(source, synthetic=write_mapping(tmp_path, [NOW, PREVIOUS]))
