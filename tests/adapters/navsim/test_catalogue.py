"""Which synthetic scenes a folder, a filter or a mapping means, and in which splits their samples are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lead_xb.adapters.navsim import logs, synthetic_scene
from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.adapters.navsim.source import NavsimSource
from lead_xb.schemas.errors import DataError, LeadXbError
from lead_xb.store.scene import open_scene

from ...store.running import run
from .helpers import LOG, native_frames, write_bytes, write_log
from .synthetic_helpers import FOLDER, NOW, PREVIOUS, native_synthetic, synthetic_tasks, write_scene_pickle

PICKLES = "synthetic_scene_pickles"


def splits(root: Path, tmp_path: Path, **options: Any) -> dict[str, list[list[str]]]:
    found = {}
    for task in synthetic_tasks(root, **options):
        task.write(tmp_path / "a.arrow")
        found[task.id] = task.splits(open_scene(tmp_path / "a.arrow"))
    return found


def test_a_folder_of_scenes_is_no_split(source: Path, tmp_path: Path) -> None:
    assert splits(source, tmp_path) == {NOW: [[], [], [], []]}
    assert open_scene(tmp_path / "a.arrow").meta.folder == FOLDER


def test_scenes_of_other_logs_are_left_out(source: Path) -> None:
    write_log(source, [{**frame, "log_name": "other"} for frame in native_frames()], folder="mini", name="other")
    assert synthetic_tasks(source, split="mini") == []


def test_a_scene_of_two_folders_is_taken_once(source: Path) -> None:
    shutil.copytree(source / FOLDER, source / "warmup_two_stage")
    (task,) = synthetic_tasks(source)
    assert [blobs.root_id for blobs in task.places] == [FOLDER, "warmup_two_stage"]


def test_different_scenes_of_one_name_are_refused_with_both_files(source: Path) -> None:
    shutil.copytree(source / FOLDER, source / "warmup_two_stage")
    write_scene_pickle(source, native_synthetic(original="another"))
    with pytest.raises(LeadXbError, match=rf"{FOLDER}/.*{NOW}.pkl and .*warmup_two_stage/.*{NOW}.pkl are different"):
        synthetic_tasks(source)


def write_filter(tmp_path: Path, **entries: Any) -> str:
    path = tmp_path / "hard.yaml"
    entries = {"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1, **entries}
    path.write_text(yaml.safe_dump(entries))
    return str(path)


def test_a_filter_takes_scenes_only_if_it_asks_for_them(source: Path, tmp_path: Path) -> None:
    assert synthetic_tasks(source, split=write_filter(tmp_path)) == []


def test_a_filter_takes_the_scenes_whose_tokens_it_lists(source: Path, tmp_path: Path) -> None:
    write_scene_pickle(source, native_synthetic(PREVIOUS), PREVIOUS)
    chosen = write_filter(tmp_path, include_synthetic_scenes=True, synthetic_scene_tokens=[NOW])
    assert splits(source, tmp_path, split=chosen) == {NOW: [[], ["hard"], [], []]}


def test_without_a_list_a_scene_belongs_to_the_window_that_ends_at_its_original(source: Path, tmp_path: Path) -> None:
    last = native_frames()[2]["token"]
    write_scene_pickle(source, native_synthetic(PREVIOUS, original=last), PREVIOUS)
    chosen = write_filter(tmp_path, include_synthetic_scenes=True)
    assert [task.id for task in synthetic_tasks(source, split=chosen)] == [PREVIOUS]


def test_a_stage_two_list_only_narrows_what_the_windows_give(source: Path, tmp_path: Path) -> None:
    last = native_frames()[2]["token"]
    write_scene_pickle(source, native_synthetic(PREVIOUS, original=last), PREVIOUS)
    for listed, found in ([NOW, PREVIOUS], [PREVIOUS]), ([NOW], []):
        chosen = write_filter(tmp_path, include_synthetic_scenes=True, reactive_synthetic_initial_tokens=listed)
        assert [task.id for task in synthetic_tasks(source, split=chosen)] == found


def test_the_log_names_of_a_filter_hold_for_listed_scenes_too(source: Path, tmp_path: Path) -> None:
    write_log(source, [{**frame, "log_name": "other"} for frame in native_frames()], name="other")
    for names, found in ([LOG, "other"], [NOW]), (["other"], []):
        chosen = write_filter(
            tmp_path, include_synthetic_scenes=True, synthetic_scene_tokens=[NOW], log_names=names, has_route=False
        )
        assert [task.id for task in synthetic_tasks(source, split=chosen)] == found


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
        NOW: [[], ["pairs"], [], []],
        PREVIOUS: [[], ["pairs"], [], []],
    }
    config = NavsimConfig(source=source, split="test", sensors="present", synthetic=mapping)
    log = config.build().tasks()[0]
    log.write(tmp_path / "a.arrow")
    assert log.splits(open_scene(tmp_path / "a.arrow")) == [["test", "pairs"], ["test", "pairs"], ["test"]]


def test_a_mapping_that_names_missing_scenes_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match=rf"1 of the 2 synthetic scenes that .* are not in .* for example {PREVIOUS}"):
        synthetic_tasks(source, synthetic=write_mapping(tmp_path, [NOW, PREVIOUS]))


def built(root: Path, **options: Any) -> NavsimSource:
    return NavsimConfig(source=root, **{"split": "test", "sensors": "present", **options}).build()


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be unpickled in this process."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("unpickled in the parent")

    for module in (logs, synthetic_scene):
        monkeypatch.setattr(module, "loads", refuse)


@pytest.mark.usefixtures("parent")
def test_pickles_that_say_nothing_become_tasks_of_their_own(source: Path, tmp_path: Path) -> None:
    write_bytes(source / "navsim_logs" / "test" / "bad.pkl", b"\x80\x04garbage")
    write_bytes(source / FOLDER / PICKLES / "bad.pkl", b"garbage")
    chosen = write_filter(tmp_path, include_synthetic_scenes=True, max_scenes=5)
    for options in ({}, {"split": chosen}, {"synthetic": write_mapping(tmp_path, [NOW, NOW])}):
        tasks = built(source, **options).tasks()
        assert [task.id for task in tasks].count("bad") == 2


def test_damaged_pickles_are_quarantined_and_the_others_converted(source: Path, tmp_path: Path) -> None:
    write_bytes(source / "navsim_logs" / "test" / "bad_log.pkl", b"\x80\x04garbage")
    write_bytes(source / FOLDER / PICKLES / "bad_scene.pkl", b"garbage")
    report = run(built(source, synthetic=write_mapping(tmp_path, [NOW, NOW])), tmp_path / "store")
    assert [failure.id for failure in report.failures] == ["bad_log", "bad_scene"]
    assert sorted(entry.id for entry in report.written) == [NOW, LOG]


@pytest.mark.usefixtures("parent")
def test_a_scene_that_does_not_begin_with_its_names_is_read_by_a_worker(source: Path) -> None:
    write_scene_pickle(source, {"filler": "x" * (1 << 15), **native_synthetic(PREVIOUS)}, PREVIOUS)
    links = {task.id: task.links for task in synthetic_tasks(source)}[PREVIOUS]
    assert links is not None
    assert links.initial_token == PREVIOUS


def test_the_private_test_set_is_refused_by_name_and_left_out_of_all(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source / "navsim_logs" / "test", source / "navsim_logs" / "private_test_hard")
    shutil.copytree(source / FOLDER, source / "private_test_hard_two_stage")
    (log, scene) = built(source, split="all").tasks()
    assert (log.id, scene.id) == (LOG, NOW)
    asked: list[dict[str, Any]] = [
        {"split": "private_test_hard"},
        {"split": str(tmp_path / "private_test_hard_two_stage.yaml")},
        {"split": write_filter(tmp_path), "folder": "private_test_hard"},
    ]
    for options in asked:
        with pytest.raises(LeadXbError, match=r"private_test_hard\w* is not supported: it is one pickle of frames"):
            built(source, **options).tasks()
    shutil.rmtree(source / "navsim_logs" / "test")
    with pytest.raises(LeadXbError, match="private_test_hard is not supported"):
        built(source, split="all").tasks()


def test_a_log_lies_where_its_sensor_files_are_whatever_the_split(tmp_path: Path) -> None:
    root = tmp_path / "openscene"
    for folder in ("mini", "test", "trainval"):
        write_log(root, native_frames(), folder=folder)
    stored = []
    for folders in ([], ["test"], ["test", "trainval"], ["mini", "test", "trainval"]):
        for folder in folders:
            (root / "sensor_blobs" / folder / LOG).mkdir(parents=True, exist_ok=True)
        for split in ("mini", "test", "all"):
            (task,) = built(root, split=split).tasks()
            task.write(tmp_path / "a.arrow")
            stored.append(((tmp_path / "a.arrow").read_bytes(), open_scene(tmp_path / "a.arrow").meta.folder))
    assert [folder for _, folder in stored[::3]] == ["mini", "test", "test", "mini"]
    assert all(stored[i] == stored[i - i % 3] for i in range(len(stored)))


def test_a_log_whose_map_was_not_planned_is_refused(source: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    write_bytes(maps / "nuplan-maps-v1.0.json", b'{"us-ma-boston": {"version": "1.0"}}')
    write_bytes(maps / "us-ma-boston" / "1.0" / "map.gpkg", b"not read here")
    (source / FOLDER / PICKLES / f"{NOW}.pkl").unlink()
    write_log(source, [{"filler": "x" * (1 << 15), **frame} for frame in native_frames()], folder="test")
    (log,) = built(source, maps=maps).tasks()
    with pytest.raises(DataError, match=r"is in 'us-ma-boston', whose map is not among the planned ones \(none\)"):
        log.write(tmp_path / "a.arrow")
    write_log(source, [{**frame, "log_name": "other"} for frame in native_frames()], folder="test", name="other")
    planned = built(source, maps=maps).tasks()
    planned[1].write(tmp_path / "a.arrow")
    assert open_scene(tmp_path / "a.arrow").meta.map_id == "navsim-us-ma-boston-1.0"


def test_a_city_that_is_none_is_left_to_the_task_of_its_log(source: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    write_bytes(maps / "nuplan-maps-v1.0.json", b'{"us-ma-boston": {"version": "1.0"}}')
    write_bytes(maps / "us-ma-boston" / "1.0" / "map.gpkg", b"not read here")
    write_log(source, [{**frame, "map_location": "us-ma-bpston"} for frame in native_frames()], folder="test")
    log = built(source, maps=maps).tasks()[1]
    with pytest.raises(DataError, match=r"'us-ma-bpston', whose map is not among the planned ones \(us-ma-boston\)"):
        log.write(tmp_path / "a.arrow")
    write_log(source, [{**frame, "map_location": "sg-one-north"} for frame in native_frames()], folder="test")
    with pytest.raises(LeadXbError, match="has no map of 'sg-one-north'"):
        built(source, maps=maps).tasks()
