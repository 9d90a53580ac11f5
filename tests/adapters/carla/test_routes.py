"""Routes are found in folders and in zips, and give the same scene either way."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from lead_xb.adapters.carla.logs import frame_numbers
from lead_xb.adapters.carla.routes import find_routes
from lead_xb.schemas.errors import DataError, LeadXbError

from .helpers import convert_only_route

pytestmark = pytest.mark.filterwarnings("ignore:numpy.core.numeric is deprecated")


def zip_route(route: Path, path: Path, prefix: str, *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """One zip per route, as the published download."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(route.rglob("*")):
            if file.is_file():
                archive.write(file, f"{prefix}{file.relative_to(route)}")
    return path


@pytest.mark.parametrize("levels_up", [0, 1, 2, 3])
def test_a_route_is_found_from_every_folder_above_it(route: Path, levels_up: int) -> None:
    source = [route, *route.parents][levels_up]
    (found,) = find_routes(source)
    assert (found.scenario, found.name, found.path) == (route.parent.name, route.name, route)


@pytest.mark.parametrize("prefix", ["data/carla_leaderboard2/data/{scenario}/{name}/", "{name}/", ""])
def test_a_zip_converts_to_the_bytes_of_its_folder(route: Path, root: Path, tmp_path: Path, prefix: str) -> None:
    convert_only_route(root, tmp_path / "folder.arrow")
    prefix = prefix.format(scenario=route.parent.name, name=route.name)
    zips = zip_route(route, tmp_path / "zip" / route.parent.name / f"{route.name}.zip", prefix)
    for source in (zips, tmp_path / "zip"):
        convert_only_route(source, tmp_path / "zip.arrow")
        assert (tmp_path / "zip.arrow").read_bytes() == (tmp_path / "folder.arrow").read_bytes()


def test_an_unpacked_route_wins_over_its_zip(route: Path, root: Path) -> None:
    zip_route(route, root / "zip" / f"{route.name}.zip", f"data/x/data/{route.parent.name}/{route.name}/")
    (found,) = find_routes(root)
    assert found.inner is None


def test_images_inside_a_stored_zip_can_be_referenced(route: Path, tmp_path: Path) -> None:
    path = zip_route(route, tmp_path / "z" / "a.zip", f"S/{route.name}/", compression=zipfile.ZIP_STORED)
    frame = convert_only_route(path, tmp_path / "a.arrow", images="reference").frame(1)
    assert frame.payload("image.strip", verify=True) == (route / "rgb/0001.jpg").read_bytes()


def test_images_inside_a_compressed_zip_cannot_be_referenced(route: Path, tmp_path: Path) -> None:
    path = zip_route(route, tmp_path / "z" / "a.zip", f"S/{route.name}/")
    with pytest.raises(DataError, match=r"compressed inside its zip .* use images=keep"):
        convert_only_route(path, tmp_path / "a.arrow", images="reference")


def test_a_truncated_zip_is_reported_as_a_damaged_file(route: Path, tmp_path: Path) -> None:
    path = zip_route(route, tmp_path / "z" / "a.zip", "S/r/")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"a.zip: not a readable zip"):
        convert_only_route(path, tmp_path / "a.arrow")


def test_a_damaged_zip_member_is_named(route: Path, tmp_path: Path) -> None:
    path = zip_route(route, tmp_path / "z" / "a.zip", "S/r/", compression=zipfile.ZIP_STORED)
    image = (route / "rgb/0000.jpg").read_bytes()
    data = bytearray(path.read_bytes())
    data[data.index(image) + 500] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a.zip!rgb/0000.jpg: cannot be read \(Bad CRC-32"):
        convert_only_route(path, tmp_path / "a.arrow")


def test_logs_of_carla_garage_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data/Accident/route0/measurements").mkdir(parents=True)
    (tmp_path / "data/Accident/route0/rgb").mkdir()
    with pytest.raises(LeadXbError, match="older carla_garage format"):
        find_routes(tmp_path)


def test_a_carla_garage_route_among_lead_routes_is_reported(route: Path, root: Path, tmp_path: Path) -> None:
    garage = route.parent / "old"
    (garage / "measurements").mkdir(parents=True)
    (garage / "measurements/0000.json.gz").write_bytes(b"")
    old = next(found for found in find_routes(root) if found.name == "old")
    with pytest.raises(DataError, match="older carla_garage format"):
        frame_numbers(old.open())
    zipped = zip_route(garage, tmp_path / "z" / "a.zip", "S/old/")
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr("S/old/rgb/0000.jpg", b"")
    with pytest.raises(DataError, match="older carla_garage format"):
        convert_only_route(zipped, tmp_path / "a.arrow")


def test_two_zips_of_one_route_are_refused(route: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        zip_route(route, tmp_path / "z" / f"{name}.zip", "S/r/")
    with pytest.raises(LeadXbError, match="both hold 'S__r'; keep one of them"):
        find_routes(tmp_path / "z")


def test_an_empty_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match="holds no LEAD route; expected data/<Scenario>/<route>/metas"):
        find_routes(tmp_path)


def test_a_crashed_recording_is_listed_so_that_it_is_reported(route: Path, root: Path) -> None:
    shutil.rmtree(route / "metas")
    shutil.rmtree(route / "bboxes")
    assert [found.name for found in find_routes(root)] == [route.name]
