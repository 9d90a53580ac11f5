"""Strictness for the whole suite: shapes and types of every call are checked while tests run."""

from __future__ import annotations

from pathlib import Path

import pytest
from jaxtyping import install_import_hook

install_import_hook("lead_xb", "beartype.beartype")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden DIR`: recordings that the parity tests compare with."""
    parser.addoption("--golden", default=str(GOLDEN), help="folder of recordings of the real systems")
