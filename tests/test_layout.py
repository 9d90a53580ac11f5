"""The repository keeps its shape: one importable name, relative links, a cheap import, a complete wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKS = ("adapters", "schemas", "conf", "routes")
DATA = {".py", ".yaml", ".xml", ".xodr", ".json", ".html", ".js", ".css", ".proto", ".csv"}
HEAVY = ("torch", "tensorflow", "carla", "grpc", "ray", "cv2", "polars", "pyarrow", "lead_xb.adapters")


def run_python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_distribution_offers_one_top_level_name() -> None:
    names = {name for name, owners in packages_distributions().items() if "lead-xb" in owners}
    assert {name for name in names if not name.startswith("_")} == {"lead_xb"}


@pytest.mark.parametrize("name", LINKS)
def test_each_link_is_relative_and_resolves_to_the_folder_of_its_name(name: str) -> None:
    link = ROOT / "lead_xb" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..") / name
    assert link.resolve() == ROOT / name


@pytest.mark.parametrize("name", ["adapters", "schemas"])
def test_importing_a_folder_by_its_bare_name_is_refused(name: str) -> None:
    result = run_python(f"import {name}", ROOT)
    assert result.returncode != 0
    assert f"import this package as 'lead_xb.{name}'" in result.stderr


def test_import_is_cheap_and_loads_no_platform_package(tmp_path: Path) -> None:
    code = f"import lead_xb, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run_python(code, tmp_path).stdout.strip() == "[]"


def test_a_tree_without_links_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lead_xb").mkdir()
    (tmp_path / "lead_xb" / "__init__.py").write_text((ROOT / "lead_xb" / "__init__.py").read_text())
    (tmp_path / "lead_xb" / "adapters").write_text("../adapters")
    result = run_python("import lead_xb", tmp_path)
    last_line = result.stderr.strip().splitlines()[-1]
    assert last_line.startswith("ImportError: ") and "drops symbolic links" in last_line


def test_public_names_are_offered_lazily(tmp_path: Path) -> None:
    code = "import lead_xb as lx; print(lx.open.__name__, lx.Frame.__name__, lx.SceneWriter.__name__)"
    assert run_python(code, tmp_path).stdout.split() == ["open_store", "Frame", "SceneWriter"]


@pytest.mark.slow
def test_the_wheel_holds_every_source_and_data_file(tmp_path: Path) -> None:
    # setuptools leaves a build folder in the tree and packs what it finds there: build from a copy.
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "demo_output")
    shutil.copytree(ROOT, tmp_path / "tree", symlinks=True, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(tmp_path / "tree")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("lead_xb/")}
    own = [path for path in (ROOT / "lead_xb").rglob("*") if not _under_link(path)]
    linked = [path for name in LINKS for path in (ROOT / name).rglob("*")]
    expected = {f"lead_xb/{path.relative_to(ROOT / 'lead_xb')}" for path in own if _is_data(path)}
    expected |= {f"lead_xb/{path.relative_to(ROOT)}" for path in linked if _is_data(path)}
    assert {name for name in packed if Path(name).suffix in DATA} == expected


def _is_data(path: Path) -> bool:
    return path.suffix in DATA and "__pycache__" not in path.parts


def _under_link(path: Path) -> bool:
    return any(parent.is_symlink() for parent in path.parents)
