"""docs/schema.md tells what the code defines."""

from __future__ import annotations

from pathlib import Path

from lead_xb.schemas.page import schema_page


def test_the_schema_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "schema.md"
    assert page.read_text() == schema_page(), "run: python -m lead_xb.schemas.page > docs/schema.md"
