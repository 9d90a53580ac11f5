"""Parity tests read recordings of the real systems from `--golden DIR`, laid out as DIR/<topic>/..."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden(pytestconfig: pytest.Config) -> Path:
    """The folder of recordings; an empty one is an error, since then nothing would be tested."""
    folder = Path(pytestconfig.getoption("golden"))
    if not folder.is_dir() or not any((topic / "cases.json").is_file() for topic in folder.iterdir()):
        pytest.fail(f"--golden {folder} holds no topic with a cases.json; nothing would be compared")
    return folder


@pytest.fixture(scope="session")
def topic(golden: Path) -> Callable[[str], Path]:
    """Folder of one topic; a topic that is absent skips the test by name."""

    def folder_of(name: str) -> Path:
        if not (golden / name / "cases.json").is_file():
            pytest.skip(f"no recordings of topic {name!r} in {golden}")
        return golden / name

    return folder_of
