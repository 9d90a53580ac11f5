"""A missing optional package is said with the command that brings it."""

from __future__ import annotations

import json

import pytest

from lead_xb.schemas.errors import LeadXbError
from lead_xb.schemas.extras import require


def test_an_installed_package_is_imported() -> None:
    assert require("json", extra="viz", purpose="anything") is json


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(
        LeadXbError, match=r"video=true needs the package 'no_such_package': pip install 'lead-xb\[viz\]'"
    ):
        require("no_such_package", extra="viz", purpose="video=true")
