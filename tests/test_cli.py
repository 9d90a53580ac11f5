"""The command line: help, the whole path from native logs to a picture, and one sentence for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from lead_xb.adapters.carla.config import CarlaConfig
from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.cli import ADAPTERS, COMMANDS, FAILED, MISUSED, OK, adapter_config, compose, main

from .store.golden_routes import copy_routes

GOLDEN = Path(__file__).parent / "golden"
NAVSIM = GOLDEN / "navsim" / "native"


@pytest.fixture
def lead_root(tmp_path: Path) -> Path:
    """A LEAD root with the first frames of a recorded route."""
    return copy_routes(tmp_path / "root")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_lists_commands_groups_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == OK
    assert all(f"  {name} " in out for name in COMMANDS)
    assert "dataset=carla|navsim" in out
    assert "lead-xb convert dataset=carla source=ROOT out=STORE" in out


@pytest.mark.parametrize("command", list(COMMANDS))
def test_each_command_explains_its_options(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == OK and out.startswith(f"lead-xb {command}: ")


def test_every_adapter_has_its_config_file_and_takes_all_of_its_options() -> None:
    for name in ADAPTERS:
        config = compose("convert", [f"dataset={name}", "source=/somewhere", "out=x"])
        assert config["adapter"] == name
        built = adapter_config(config)
        assert all(getattr(built, key) == config[key] or key == "source" for key in vars(built))


def test_overrides_reach_the_adapter_with_their_types() -> None:
    navsim = adapter_config(
        compose("convert", ["dataset=navsim", "source=/a", "maps=/m", "out=x", "images=resize", "image_size=[480,270]"])
    )
    assert isinstance(navsim, NavsimConfig)
    assert (navsim.maps, tuple(navsim.image_size or ())) == (Path("/m"), (480, 270))
    carla = adapter_config(compose("convert", ["dataset=carla", "source=/a", "out=x", "reach_m=4.0"]))
    assert carla == CarlaConfig(source=Path("/a"), reach_m=4.0)


def test_carla_from_native_to_picture(capsys: pytest.CaptureFixture[str], lead_root: Path, tmp_path: Path) -> None:
    store, sheet = tmp_path / "store", tmp_path / "sheet.png"
    code, out, _ = run(capsys, "convert", "dataset=carla", f"source={lead_root}", f"out={store}", "workers=1")
    assert code == OK and "next: lead-xb check" in out
    code, out, _ = run(capsys, "check", f"store={store}")
    assert code == OK and "is whole" in out
    code, out, _ = run(capsys, "view", f"store={store}", "frame=1", f"out={sheet}")
    assert code == OK and sheet.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["with space", "a=b", "par(1),x", "it's ~ here"])
def test_ordinary_paths_need_no_quotes_of_hydra(name: str) -> None:
    config = compose("convert", ["dataset=carla", f"source=/data/{name}", f"out=/stores/{name}"])
    assert (config["source"], config["out"]) == (f"/data/{name}", f"/stores/{name}")


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = adapter_config(compose("convert", ["dataset=carla", "source=~/lead", "out=x"]))
    assert config.source == tmp_path / "lead"


@pytest.mark.parametrize("words", [("seconds=abc",), ("seconds=20",), ("seconds=-1",), ("seed=x",)])
def test_the_demo_checks_its_options_before_it_touches_anything(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, _, err = run(capsys, "demo", f"out={tmp_path / 'demo'}", *words)
    assert code == MISUSED and "expected 1 to 15 seconds" in err
    assert not (tmp_path / "demo").exists()


def test_damaged_input_ends_with_1_and_is_listed(
    capsys: pytest.CaptureFixture[str], lead_root: Path, tmp_path: Path
) -> None:
    next(lead_root.rglob("rgb/0001.jpg")).write_bytes(b"")
    words = ("convert", "dataset=carla", f"source={lead_root}", f"out={tmp_path / 'store'}", "workers=1")
    code, out, _ = run(capsys, *words)
    assert code == FAILED and "quarantine.jsonl" in out
    assert run(capsys, *words, "on_error=skip")[0] == OK


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("convrt",), "there is no command 'convrt'; commands are demo, convert, check, view"),
        (("convert", "out=x"), "You must specify 'dataset'"),
        (
            ("convert", "dataset=foo", "out=x"),
            "Could not find 'dataset/foo' Available options in 'dataset': carla navsim",
        ),
        (("convert", "dataset=carla", "out=x"), "source= is not set; for example: lead-xb convert dataset=carla"),
        (("convert", "dataset=carla", "source=/none", "out=x"), "source=/none does not exist"),
        (("convert", "dataset=carla", "source=/none", "out=x", "frobnicate=1"), "Could not override 'frobnicate'"),
        (("convert", "dataset=carla", "source=/none", "out=x", "reach_m=far"), "reach_m: Value 'far'"),
        (("convert", "dataset=carla", f"source={GOLDEN}", "out=x", "workers=0"), "workers=0; expected a number from 1"),
        (("convert", "dataset=carla", f"source={GOLDEN}", "out=x", "on_error=cry"), "on_error=cry; expected report or"),
        (("convert", "dataset=navsim", f"source={NAVSIM}", "split=nope", "out=x"), "split=nope is not there"),
        (("check", "store=/none"), "/none is not a store (it has no dataset.json)"),
        (("view", "store=/none"), "/none is not a store"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = run(capsys, *words)
    assert code == MISUSED and out == ""
    assert err.startswith("lead-xb: ") and sentence in err and "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(Exception, match="there is no command 'convrt'"):
        main(["convrt", "--debug"])
