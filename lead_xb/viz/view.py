"""`lead-xb view`: pick a scene and a row of a store and write its picture or its video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lead_xb.schemas.errors import LeadXbError
from lead_xb.store.scene import Scene
from lead_xb.store.store import SceneStore, open_store
from lead_xb.viz.sheet import frame_sheet, sheet_to_png
from lead_xb.viz.video import scene_video


def view_store(config: Mapping[str, Any]) -> Path:
    """Write what `conf/view.yaml` asks for and return the file.

    Raises:
        LeadXbError: no such scene or row, or a file name of the wrong kind.
    """
    store = open_store(str(config["store"]), roots=config["roots"])
    scene = pick_scene(store, config["scene"])
    out = None if config["out"] is None else Path(str(config["out"]))
    if config["video"]:
        return _write_video(scene, out or Path(f"{scene.meta.scene_id}.mp4"), view=config["view"])
    row = pick_row(scene, config["frame"])
    return _write_sheet(scene, row, out or Path(f"{scene.meta.scene_id}_{row:04}.png"), view=config["view"])


def pick_scene(store: SceneStore, name: str | None) -> Scene:
    """The scene of that id, or the only one whose id starts with it; the first one without a name."""
    names = store.scene_ids
    if not names:
        raise LeadXbError(f"{store.root} holds no scene; convert one first")
    if name is None:
        return store.scene(names[0])
    name = str(name)
    matches = [candidate for candidate in names if candidate.startswith(name)]
    if name not in names and len(matches) != 1:
        shown = ", ".join((matches or names)[:5])
        raise LeadXbError(f"scene={name} fits {len(matches)} scenes of {store.root}; choose one of {shown} ...")
    return store.scene(name if name in names else matches[0])


def pick_row(scene: Scene, row: int | None) -> int:
    """The row asked for, or the middle one."""
    if row is None:
        return len(scene) // 2
    if not (isinstance(row, int) and 0 <= row < len(scene)):
        raise LeadXbError(f"frame={row}; scene {scene.meta.scene_id} has rows 0 to {len(scene) - 1}")
    return row


def _write_sheet(scene: Scene, row: int, out: Path, *, view: str | None) -> Path:
    if out.suffix != ".png":
        raise LeadXbError(f"out={out}; a sheet is a .png (video=true writes an .mp4)")
    sheet_to_png(out, frame_sheet(scene, row, map=scene.map, view=view))
    return out


def _write_video(scene: Scene, out: Path, *, view: str | None) -> Path:
    if out.suffix != ".mp4":
        raise LeadXbError(f"out={out}; a video is an .mp4")
    scene_video(out, scene, map=scene.map, view=view)
    return out
