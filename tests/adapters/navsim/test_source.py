"""A split means these logs, synthetic scenes and maps; a wrong option is one clear sentence."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.scene import open_scene
from lead_xb.store.tasks import Task

from .helpers import GOLDEN, LOG, native_frames, token, write_log, write_sensors

SECOND = "2021.01.02.03.04.05_veh-02_00000_00060"


def frames_of(name: str, count: int = 3) -> list[dict[str, Any]]:
    """Frames of another log: tokens and paths begin with another letter."""
    return [{**frame, "log_name": name, "token": f"f{frame['token'][1:]}"} for frame in native_frames(count)]


def tasks_of(root: Path, **options: Any) -> Sequence[Task]:
    return NavsimConfig(source=root, sensors="present", **options).build().tasks()


def ids(tasks: Sequence[Task], kind: str = "scene") -> list[str]:
    return [task.id for task in tasks if task.kind == kind]


def splits_of(task: Task, tmp_path: Path) -> list[list[str]]:
    task.write(tmp_path / f"{task.id}.arrow")
    return task.splits(open_scene(tmp_path / f"{task.id}.arrow"))


def scene_filter(tmp_path: Path, **entries: Any) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1, **entries}))
    return str(path)


def test_a_folder_means_its_logs(root: Path, tmp_path: Path) -> None:
    write_log(root, frames_of(SECOND), folder="test", name=SECOND)
    assert ids(tasks_of(root, split="mini")) == [LOG]
    assert ids(tasks_of(root, split="test")) == [SECOND]
    (task,) = tasks_of(root, split="test")
    assert splits_of(task, tmp_path) == [["test"]] * 3


def test_all_means_every_folder_and_a_log_of_two_folders_once(root: Path, tmp_path: Path) -> None:
    write_log(root, frames_of(SECOND), folder="test", name=SECOND)
    write_log(root, native_frames(), folder="trainval")
    tasks = tasks_of(root, split="all")
    assert ids(tasks) == [LOG, SECOND]
    assert splits_of(tasks[0], tmp_path) == [["mini", "trainval"]] * 3


def test_two_logs_of_one_name_are_refused(root: Path) -> None:
    write_log(root, native_frames(2), folder="trainval")
    with pytest.raises(LeadXbError, match="different logs of one name; convert the folders one by one"):
        tasks_of(root, split="all")


def test_a_filter_marks_the_current_frames(root: Path, tmp_path: Path) -> None:
    (task,) = tasks_of(root, split=scene_filter(tmp_path))
    assert splits_of(task, tmp_path) == [["mini"], ["mini", "tiny"], ["mini"]]


def test_a_filter_takes_the_logs_it_names_from_any_folder_or_from_one(root: Path, tmp_path: Path) -> None:
    write_log(root, frames_of(SECOND), folder="test", name=SECOND)
    assert ids(tasks_of(root, split=scene_filter(tmp_path, log_names=[SECOND]))) == [SECOND]
    assert ids(tasks_of(root, split=scene_filter(tmp_path), folder="mini")) == [LOG]


def test_a_filter_that_names_missing_logs_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match=r"1 of the 2 logs that .*tiny.yaml names are not in mini, for example gone"):
        tasks_of(root, split=scene_filter(tmp_path, log_names=[LOG, "gone"]))


def test_a_filter_stops_at_its_maximum(tmp_path: Path) -> None:
    root = tmp_path / "many"
    for letter in "abc":
        frames = [{**frame, "token": letter + frame["token"][1:]} for frame in frames_of(letter, 4)]
        write_log(root, frames, name=letter)
    tasks = tasks_of(root, split=scene_filter(tmp_path, max_scenes=3))
    assert ids(tasks) == ["a", "b"]
    assert [splits.count(["mini", "tiny"]) for splits in (splits_of(task, tmp_path) for task in tasks)] == [2, 1]


def test_only_cities_in_use_are_converted(root: Path) -> None:
    frames = [{**frame, "map_location": "las_vegas"} for frame in frames_of(SECOND)]
    write_log(root, frames, name=SECOND)
    tasks = tasks_of(root, maps=GOLDEN / "maps")
    assert ids(tasks, "map") == ["navsim-us-ma-boston-9.99.0001", "navsim-us-nv-las-vegas-strip-9.99.0001"]


def test_without_maps_scenes_say_so(root: Path, tmp_path: Path) -> None:
    (task,) = tasks_of(root)
    task.write(tmp_path / "a.arrow")
    meta = open_scene(tmp_path / "a.arrow").meta
    assert (meta.map_id, meta.lacks) == (None, ("map",))


def test_roots_are_the_sensor_folders_that_exist(root: Path) -> None:
    assert NavsimConfig(source=root).build().roots == {"sensor_blobs": root / "sensor_blobs"}
    (root / "navhard_two_stage" / "sensor_blobs").mkdir(parents=True)
    assert NavsimConfig(source=root).build().roots == {
        "sensor_blobs": root / "sensor_blobs",
        "navhard_two_stage": root / "navhard_two_stage" / "sensor_blobs",
    }


def test_embedded_payloads_count_in_the_disk_check(root: Path) -> None:
    (reference,) = tasks_of(root)
    (kept,) = tasks_of(root, images="keep")
    files = [path for path in (root / "sensor_blobs").rglob("*") if path.is_file()]
    assert kept.stored_bytes - reference.stored_bytes > 0.8 * sum(path.stat().st_size for path in files)


@pytest.mark.parametrize("split", ["train", "/nowhere/tiny.yaml", ""])
def test_a_split_that_is_not_there_is_refused_with_what_is(split: str, root: Path) -> None:
    with pytest.raises(LeadXbError, match=r"is not there; expected one of mini, all, or the path of a scene filter"):
        tasks_of(root, split=split)


def test_a_filter_named_like_a_folder_is_refused(root: Path, tmp_path: Path) -> None:
    path = Path(scene_filter(tmp_path)).rename(tmp_path / "mini.yaml")
    with pytest.raises(LeadXbError, match=r"mini\.yaml would give its split the name of the data folder 'mini'"):
        tasks_of(root, split=str(path))


def test_a_folder_that_is_not_there_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match="folder=train is not there; expected one of mini"):
        tasks_of(root, split=scene_filter(tmp_path), folder="train")


def test_a_folder_without_a_filter_is_refused(root: Path) -> None:
    with pytest.raises(LeadXbError, match="folder=mini belongs to a scene filter; say split=mini"):
        tasks_of(root, split="all", folder="mini")


def test_a_source_without_logs_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match=r"has no navsim_logs/<folder>/; give source=OPENSCENE_DATA_ROOT"):
        tasks_of(tmp_path / "openscene" / "sensor_blobs")
    shutil.rmtree(root / "navsim_logs" / "mini")
    (root / "navsim_logs" / "mini").mkdir()
    with pytest.raises(LeadXbError, match=r"no log pickles in .*complete the download"):
        tasks_of(root)


def test_a_log_whose_city_is_not_in_its_first_bytes_is_read(tmp_path: Path) -> None:
    long = [{"filler": "x" * (1 << 15), **frame} for frame in native_frames()]
    write_log(tmp_path, long)
    write_sensors(tmp_path, long)
    (task,) = tasks_of(tmp_path)
    task.write(tmp_path / "a.arrow")
    scene = open_scene(tmp_path / "a.arrow")
    assert scene.meta.location == "us-ma-boston"
    assert scene.frame(2).token == token(2)
