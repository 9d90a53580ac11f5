"""One short drive, written natively for two platforms and converted: made once, when the first test asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lead_xb.demo.drive import Drive, make_drive
from lead_xb.demo.lead_format import write_lead
from lead_xb.demo.navsim_format import write_navsim
from lead_xb.demo.run import sources
from lead_xb.store.scene import Scene
from lead_xb.store.store import open_store

from ..store.running import run

SECONDS = 3.0


@pytest.fixture(scope="session")
def short_drive() -> Drive:
    """The truth."""
    return make_drive(duration_s=SECONDS)


@pytest.fixture(scope="session")
def native(short_drive: Drive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drive in both native formats."""
    root = tmp_path_factory.mktemp("native")
    write_lead(short_drive, root)
    write_navsim(short_drive, root)
    return root


@pytest.fixture(scope="session")
def scenes(native: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, Scene]:
    """The CARLA scene and the NAVSIM scene of the drive."""
    opened = []
    for name, source in sources(native).items():
        out = tmp_path_factory.mktemp(name)
        assert run(source, out).failures == ()
        store = open_store(out)
        opened.append(store.scene(store.scene_ids[0]))
    return opened[0], opened[1]
