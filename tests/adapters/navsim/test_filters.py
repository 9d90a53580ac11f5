"""Scene filters choose the devkit's frames; files that are something else are refused with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lead_xb.adapters.navsim.filters import SceneFilter, StagePair, read_filter, read_mapping
from lead_xb.schemas.errors import DataError


def filter_of(tmp_path: Path, **entries: Any) -> SceneFilter:
    path = tmp_path / entries.pop("file", "tiny.yaml")
    path.write_text(json.dumps(entries) if path.suffix == ".json" else yaml.safe_dump(entries))
    return read_filter(path)


def tokens(count: int) -> list[str]:
    return [f"t{index}" for index in range(count)]


def rows(chosen: SceneFilter, count: int, without_route: tuple[int, ...] = ()) -> list[int]:
    return chosen.current_rows(tokens(count), [row not in without_route for row in range(count)])


def test_windows_slide_by_the_interval(tmp_path: Path) -> None:
    chosen = filter_of(tmp_path, num_history_frames=4, num_future_frames=10, frame_interval=1)
    assert rows(chosen, 15) == [3, 4]
    assert rows(chosen, 14) == [3]
    assert rows(chosen, 13) == []


def test_without_an_interval_windows_do_not_overlap(tmp_path: Path) -> None:
    chosen = filter_of(tmp_path, num_history_frames=2, num_future_frames=3, frame_interval=None)
    assert rows(chosen, 14) == [1, 6]
    assert rows(chosen, 15) == [1, 6, 11]


def test_every_third_window(tmp_path: Path) -> None:
    assert rows(filter_of(tmp_path, num_history_frames=1, num_future_frames=0, frame_interval=3), 8) == [0, 3, 6]


def test_the_current_frame_must_have_a_route_unless_the_filter_does_not_care(tmp_path: Path) -> None:
    entries = {"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1}
    assert rows(filter_of(tmp_path, has_route=True, **entries), 5, without_route=(2,)) == [1, 3]
    assert rows(filter_of(tmp_path, file="b.yaml", has_route=False, **entries), 5, without_route=(2,)) == [1, 2, 3]


def test_tokens_choose_among_the_windows(tmp_path: Path) -> None:
    entries = {"num_history_frames": 2, "num_future_frames": 1, "frame_interval": 1}
    assert rows(filter_of(tmp_path, tokens=["t3", "t0", "x"], **entries), 5) == [3]


def test_the_defaults_are_those_of_the_devkit(tmp_path: Path) -> None:
    chosen = filter_of(tmp_path)
    assert (chosen.num_history_frames, chosen.num_future_frames, chosen.frame_interval) == (4, 10, 14)
    assert (chosen.has_route, chosen.max_scenes, chosen.log_names, chosen.tokens) == (True, None, None, None)
    assert (chosen.include_synthetic_scenes, chosen.synthetic_tokens, chosen.stage_two_tokens) == (False, None, None)


def test_a_file_of_the_devkit_is_read_with_its_hydra_keys(tmp_path: Path) -> None:
    path = tmp_path / "warm.yaml"
    path.write_text(
        "_target_: navsim.common.dataclasses.SceneFilter\n_convert_: all\nnum_history_frames: 4\n"
        "num_future_frames: 8\nframe_interval: 1\nhas_route: true\nmax_scenes: null\n"
        "include_synthetic_scenes: true\nlog_names:\n- '2021.08.16.14.23.37_veh-45_00015_00132'\n"
        "tokens:\n- '0dc54a8c8203567b'\nreactive_synthetic_initial_tokens:\n- '0395128411941228f'\n"
    )
    chosen = read_filter(path)
    assert chosen.name == "warm"
    assert chosen.tokens == frozenset({"0dc54a8c8203567b"})
    assert chosen.log_names == frozenset({"2021.08.16.14.23.37_veh-45_00015_00132"})
    assert (chosen.synthetic_tokens, chosen.stage_two_tokens) == (None, frozenset({"0395128411941228f"}))


def test_json_says_the_same_as_yaml(tmp_path: Path) -> None:
    entries = {"tokens": ["a"], "frame_interval": 2, "log_names": None}
    assert filter_of(tmp_path, **entries) == filter_of(tmp_path, file="tiny.json", **entries)


def test_a_filter_that_was_changed_is_read_again(tmp_path: Path) -> None:
    assert filter_of(tmp_path, frame_interval=1).frame_interval == 1
    assert filter_of(tmp_path, frame_interval=1, max_scenes=5).max_scenes == 5


def test_a_hundred_thousand_tokens_are_read_in_a_few_seconds(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("tokens:\n" + "".join(f"- '{index:016x}'\n" for index in range(100_000)))
    chosen = read_filter(path)
    assert chosen.tokens is not None
    assert len(chosen.tokens) == 100_000


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"frame_intervall": 1}, r"has the keys \['frame_intervall'\], expected some of"),
        ({"frame_interval": 0}, "frame_interval and max_scenes must be at least 1"),
        ({"num_history_frames": 0}, "must be at least 1"),
        ({"max_scenes": 0}, "must be at least 1"),
        ({"num_future_frames": -1}, "num_future_frames is -1, expected a whole number or null"),
        ({"num_future_frames": True}, "expected a whole number or null"),
        ({"has_route": "yes please"}, "has_route is 'yes please', expected true or false"),
        ({"tokens": "abc"}, "tokens is a str, expected a list or null"),
        ({"tokens": ["a", 1234567890123456]}, r"tokens\[1\] is 1234567890123456 \(int\); put it in quotes"),
        ({"tokens": [1e16]}, r"tokens\[0\] is 1e\+16 \(float\); put it in quotes"),
        ({"all_mapping": {"a": "b"}}, "all_mapping is given, expected null; give the mapping as synthetic=FILE"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(entries: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        filter_of(tmp_path, **entries)


def test_the_file_above_a_filter_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"give split=.*/scene_filter/navx.yaml and folder=test"):
        filter_of(tmp_path, file="navx.yaml", data_split="test", defaults=[{"scene_filter": "navx"}])
    with pytest.raises(DataError, match=r"give split=.*/scene_filter/all_scenes.yaml and folder=test"):
        filter_of(tmp_path, file="test.yaml", data_split="test", defaults=[{"scene_filter": "all_scenes"}])


@pytest.mark.parametrize("defaults", [None, 7, ["_self_"], [{"scene_filter": None}], {"scene_filter": "x"}])
def test_odd_defaults_still_give_advice(defaults: object, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"give split=.*/scene_filter/navx.yaml and folder=<data_split>"):
        filter_of(tmp_path, file="navx.yaml", defaults=defaults)


FINALS = frozenset({"final"})


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        ({}, ["a"]),
        ({"synthetic_scene_tokens": ["b"]}, ["b"]),
        ({"synthetic_scene_tokens": []}, []),
        ({"reactive_synthetic_initial_tokens": ["a", "b"]}, ["a"]),
        ({"reactive_synthetic_initial_tokens": ["b"]}, []),
        ({"reactive_synthetic_initial_tokens": ["b"], "non_reactive_synthetic_initial_tokens": ["a"]}, ["a"]),
        ({"synthetic_scene_tokens": ["a", "b"], "reactive_synthetic_initial_tokens": ["b", "c"]}, ["b"]),
    ],
)
def test_synthetic_scenes_are_those_of_the_devkit(entries: dict[str, Any], kept: list[str], tmp_path: Path) -> None:
    """Scene a belongs to a kept window, b and c to none."""
    chosen = filter_of(tmp_path, **entries)
    scenes = {"a": "final", "b": "elsewhere", "c": None}
    assert [token for token, original in scenes.items() if chosen.takes_synthetic(token, original, FINALS)] == kept


@pytest.mark.parametrize(
    "text", ["a: [1, 2", "- just\n- a list\n", "", "!!python/object/apply:os.system ['true']", "\t"]
)
def test_what_is_no_filter_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError, match=r"a.yaml: (not readable as yaml|holds a)"):
        read_filter(tmp_path / "a.yaml")


def test_a_missing_filter_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.yaml: cannot be read"):
        read_filter(tmp_path / "b.yaml")


GROUPS = [["now", "previous", [["s0", "s1"], ["s2", "s3"]]]]


@pytest.mark.parametrize("content", [{"reactive_all_mapping": GROUPS, "data_split": "test"}, GROUPS])
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_mapping_is_read_from_yaml_and_json(content: Any, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"two.{suffix}"
    path.write_text(json.dumps(content) if suffix == "json" else yaml.safe_dump(content))
    assert read_mapping(path) == (StagePair("now", "previous", (("s0", "s1"), ("s2", "s3"))),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "holds no reactive_all_mapping"),
        ({"reactive_all_mapping": None}, "holds no reactive_all_mapping"),
        ([["now", "previous"]], "group 0 of reactive_all_mapping is not"),
        ([*GROUPS, ["now", 7, []]], "group 1 of reactive_all_mapping is not"),
        ([["now", "previous", [["s0"]]]], "group 0 of reactive_all_mapping is not"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_mapping(path)
