"""Every option is checked before anything is read; a wrong one is one clear sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lead_xb.adapters.navsim.config import NavsimConfig
from lead_xb.schemas.errors import LeadXbError


def test_options_hold_what_changes_bytes_and_only_that(root: Path) -> None:
    plain = NavsimConfig(source=root).build()
    assert plain.name == "navsim"
    assert plain.options == {
        "sensors": "required",
        "maps": False,
        "images": "reference",
        "lidar": "reference",
        "hash_references": True,
    }
    assert plain.options == NavsimConfig(source=root, split="mini").build().options
    resized = NavsimConfig(source=root, images="resize", image_size=(16, 12), lidar="keep").build()
    assert resized.options["image_size"] == [16, 12]
    assert "hash_references" not in resized.options


def test_lidar_follows_images_unless_it_is_given(root: Path) -> None:
    chosen = {
        (images, lidar): NavsimConfig(source=root, images=images, lidar=lidar).build().options["lidar"]
        for images in ("reference", "keep")
        for lidar in (None, "reference", "keep")
    }
    assert [chosen["reference", lidar] for lidar in (None, "reference", "keep")] == ["reference", "reference", "keep"]
    assert [chosen["keep", lidar] for lidar in (None, "reference", "keep")] == ["keep", "reference", "keep"]


BAD_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "images": ({"images": "embed"}, "images=embed; expected one of reference, keep, resize"),
    "lidar": ({"lidar": "resize"}, "lidar=resize; expected one of reference, keep"),
    "sensors": ({"sensors": "some"}, "sensors=some; expected one of required, present, none"),
    "resize without size": ({"images": "resize"}, r"images=resize with image_size=None; .*image_size=\[480,270\]"),
    "size without resize": ({"image_size": (10, 10)}, r"images=reference with image_size=\(10, 10\)"),
    "size of zero": ({"images": "resize", "image_size": (0, 10)}, r"image_size=\[0, 10\]; expected width and height"),
    "quality": ({"image_quality": 0}, "image_quality=0; expected a JPEG quality from 1 to 100"),
    "maps": ({"maps": Path("/nowhere")}, "maps=/nowhere is not a folder; give NUPLAN_MAPS_ROOT"),
    "none without maps": ({"sensors": "none"}, "sensors=none without maps"),
    "split": ({"split": "nope"}, "split=nope is not there; expected one of mini, all, or the path"),
    "folder": ({"folder": "mini"}, "folder=mini belongs to a scene filter; say split=mini"),
    "mapping": ({"synthetic": Path("/nowhere.yaml")}, "synthetic=/nowhere.yaml is no yaml or JSON file"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_a_wrong_option_is_refused_before_anything_is_read(name: str, root: Path) -> None:
    options, message = BAD_OPTIONS[name]
    with pytest.raises(LeadXbError, match=message):
        NavsimConfig(source=root, **options).build()


def test_a_missing_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadXbError, match="gone is not a folder; give OPENSCENE_DATA_ROOT"):
        NavsimConfig(source=tmp_path / "gone").build()
